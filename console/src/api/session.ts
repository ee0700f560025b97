import { queryOptions, useQuery } from "@tanstack/react-query";
import { ApiError, api } from "~/api/client";
import type { SetupState, SignedIn } from "~/api/types";

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

/** The account that is signed in. Only for pages inside the shell, which has asked before. */
export function useAccount() {
  const { data } = useQuery(session);
  if (!data) throw new Error("Nobody is signed in.");
  return data.account;
}
