import { QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError, Offline } from "~/api/client";

/** Whom to tell that the session is over; the shell shows the log-in then. */
let signedOut: () => void = () => undefined;

export function onSignedOut(tell: () => void): void {
  signedOut = tell;
}

/** For what is asked by other ways than queries: the server knows no session of ours any more. */
export function sessionEnded(): void {
  signedOut();
}

/** What was asked of the server, kept as long as a page shows it. */
export const queries = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      if (error instanceof ApiError && error.status === 401 && query.queryKey[0] !== "session") signedOut();
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => (error instanceof Offline || (error instanceof ApiError && error.status >= 500)) && failures < 2,
    },
    mutations: {
      onError: (error) => {
        if (error instanceof ApiError && error.status === 401 && error.code !== "wrong_password") signedOut();
      },
    },
  },
});
