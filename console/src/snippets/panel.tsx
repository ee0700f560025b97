import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "~/api/client";
import { queries } from "~/api/queries";
import type { Key, Snippet, Snippets } from "~/api/types";
import { Button } from "~/ui/button";
import { Code } from "~/ui/code";
import { Failed, Skeleton } from "~/ui/states";
import { Tab, Tabs } from "~/ui/tabs";

export interface Request {
  model?: string;
  messages?: { role: "system" | "developer" | "user" | "assistant"; content: string }[];
  /** As /v1/chat/completions names them; null and undefined are left out. */
  parameters?: Record<string, unknown>;
}

const LAST = "snippet-language";

/**
 * The same request as code, a tab for each language. Without `apiKey` the code has a place for one; with `newKeyName` it
 * offers to make a key of that name, which is then in the code until the panel is gone.
 */
export function SnippetPanel({ request = {}, apiKey, newKeyName }: { request?: Request; apiKey?: string; newKeyName?: string }) {
  const [language, setLanguage] = useState(() => localStorage.getItem(LAST) ?? "curl");
  const [made, setMade] = useState<string>();
  const { data, error, isPending, refetch } = useSnippets(request);
  const choose = (to: string) => {
    setLanguage(to);
    localStorage.setItem(LAST, to);
  };
  if (error) return <Failed error={error} what="The code could not be written." retry={() => void refetch()} />;
  if (isPending) return <Skeleton rows={5} />;
  const key = apiKey ?? made;
  const names = Object.fromEntries(data.data.map(({ id, name }) => [id, name]));
  const shown = language in names ? language : "curl";
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <Tabs value={shown} onChange={choose} tabs={names} label="Language">
        {data.data.map((snippet) => (
          <Tab key={snippet.id} value={snippet.id} className="flex flex-col gap-2">
            <OneSnippet snippet={snippet} placeholder={data.placeholder} apiKey={key} />
          </Tab>
        ))}
      </Tabs>
      {key ? (
        <p className="text-muted">The key is in the code. It is shown this once: copy it now, and keep it out of what others read.</p>
      ) : (
        newKeyName && <MakeKey name={newKeyName} onMade={setMade} />
      )}
    </div>
  );
}

function useSnippets({ model, messages, parameters }: Request) {
  const plain = !messages && !parameters;
  return useQuery({
    queryKey: ["/api/snippets", model, messages, parameters],
    staleTime: Infinity,
    placeholderData: keepPreviousData,
    queryFn: () => (plain ? api.get<Snippets>("/api/snippets", { model }) : api.post<Snippets>("/api/snippets", { model, messages, parameters })),
  });
}

function OneSnippet({ snippet, placeholder, apiKey }: { snippet: Snippet; placeholder: string; apiKey: string | undefined }) {
  const code = apiKey ? snippet.code.replace(placeholder, () => apiKey) : snippet.code;
  return (
    <>
      {snippet.install && <Code label={`What ${snippet.name} needs`}>{snippet.install}</Code>}
      <Code label={`Code for ${snippet.name}`}>{code}</Code>
    </>
  );
}

function MakeKey({ name, onMade }: { name: string; onMade: (secret: string) => void }) {
  const make = useMutation({
    mutationFn: () => api.post<Key>("/api/keys", { name }),
    onSuccess: ({ key }) => {
      if (key) onMade(key);
      void queries.invalidateQueries({ queryKey: ["/api/keys"] });
    },
  });
  return (
    <div className="flex flex-col items-start gap-2">
      <Button busy={make.isPending} onClick={() => make.mutate()}>
        Make a key and fill it in
      </Button>
      {make.error && <Failed error={make.error} what="No key was made." />}
    </div>
  );
}
