import { useEffect, useState } from "react";
import { type Column, type Sent, running, sent } from "~/playground/conversation";
import { type Request, SnippetPanel } from "~/snippets/panel";
import { Skeleton } from "~/ui/states";

/** The request of a conversation as code: its model, its messages up to the last question, its parameters. */
export function ApiTab({ column }: { column: Column }) {
  const text = useSettled(JSON.stringify({ model: column.model, messages: asked(column), parameters: column.parameters }));
  const request = JSON.parse(text) as Request;
  return (
    <section aria-label="Code" className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-3xl flex-col gap-4 px-4 py-5 sm:px-6">
        <p className="text-muted">The same request from your own code, with the messages and parameters of this conversation.</p>
        {/* No model is chosen before the list of them has come, and the server writes no code for none. */}
        {request.model ? <SnippetPanel request={request} newKeyName="playground" /> : <Skeleton rows={5} />}
      </div>
    </section>
  );
}

function asked({ system, messages }: Column): Sent[] {
  const end = messages.findLastIndex(({ role }) => role === "user");
  return sent({ system, messages: messages.slice(0, end + 1).filter((message) => !running(message)) });
}

/** What `value` is once nobody has changed it for a moment: the server writes the code, and not one for each letter. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), 300);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
