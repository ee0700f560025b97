import { useRouter } from "@tanstack/react-router";
import { Entrance } from "~/shell/entrance";
import { Failed } from "~/ui/states";

/** In place of a page that could not be opened: the server is away, as a rule. */
export function Unreachable({ error, reset }: { error: unknown; reset: () => void }) {
  const router = useRouter();
  const retry = () => {
    reset();
    void router.invalidate();
  };
  return (
    <Entrance title="This page did not open">
      <Failed error={error instanceof Error ? error : new Error(String(error))} retry={retry} />
    </Entrance>
  );
}
