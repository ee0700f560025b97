import { useQuery } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { List, Plan } from "~/api/types";

export const ADMIN_PLANS = "/api/admin/plans";

/** Every plan of this server. */
export function usePlans() {
  return useQuery({ queryKey: [ADMIN_PLANS], queryFn: () => api.get<List<Plan>>(ADMIN_PLANS) });
}

/** The names of all plans; none until they are there. */
export function usePlanNames(): string[] {
  return usePlans().data?.data.map((plan) => plan.id) ?? [];
}
