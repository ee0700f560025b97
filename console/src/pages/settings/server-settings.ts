import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { Server } from "~/api/types";

/** How this server is set up; for administrators. */
export const serverSettings = queryOptions({
  queryKey: ["/api/admin/settings"],
  queryFn: () => api.get<Server>("/api/admin/settings"),
});
