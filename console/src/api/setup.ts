import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { SetupState } from "~/api/types";

/** Whether the server has to be set up, and who may sign up. Asked once: what is set up stays so. */
export const setup = queryOptions({
  queryKey: ["setup"],
  staleTime: (query) => (query.state.data?.needed ? 0 : Infinity),
  queryFn: () => api.get<SetupState>("/api/setup"),
});
