import type { MadeRequest } from "~/api/types";
import { Badge } from "~/ui/badge";

/** How a request ended: its status, and the error where there was one. */
export function End({ made }: { made: MadeRequest }) {
  const { outcome, status, error_code } = made;
  if (outcome === "completed") return <Badge mood="ok">{String(status)}</Badge>;
  if (outcome === "aborted") return <Badge mood="off">{`${status} client left`}</Badge>;
  return <Badge mood={status === 429 ? "warn" : "bad"}>{`${status} ${error_code ?? "failed"}`}</Badge>;
}
