import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { Model } from "~/api/types";

const BUSY = new Set(["pulling", "loading"]);

/** The models of this server; looked at often while one is on its way, and now and then otherwise. */
export const models = queryOptions({
  queryKey: ["/api/models"],
  queryFn: async () => (await api.get<{ data: Model[] }>("/api/models")).data,
  refetchInterval: ({ state }) => (state.data?.some((model) => BUSY.has(model.state)) ? 1000 : 5000),
});
