import { queryOptions, useQuery } from "@tanstack/react-query";
import { ApiError, api } from "~/api/client";
import type { Account, SetupState, SignedIn } from "~/api/types";

/** Who is signed in; null for nobody. */
export const session = queryOptions({
  queryKey: ["session"],
  staleTime: 60_000,
  queryFn: async () => {
    // Asked first, for a browser shows a refusal as an error to whoever looks.
    if (!(await api.get<SetupState>("/api/setup")).signed_in) return null;
    try {
      return await api.get<SignedIn>("/api/session");
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
});

/** For the moment in which a session has ended and its page is still there, on the way to the log-in. */
const NOBODY: Account = { id: "", object: "account", email: null, name: "", role: "user", plan: "", state: "active", created_at: 0, disabled_at: null };

/** The account that is signed in. Only for pages inside the shell, which shows nothing without one. */
export function useAccount(): Account {
  const { data } = useQuery(session);
  return data?.account ?? NOBODY;
}
