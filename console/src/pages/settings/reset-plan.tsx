import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { Plan } from "~/api/types";
import { ADMIN_PLANS } from "~/pages/users/plan-names";
import { Confirm } from "~/ui/confirm";
import { Failed } from "~/ui/states";
import { toast } from "~/ui/toast";

/** Takes back what administrators changed of a plan. */
export function ResetPlan({ plan, onClose }: { plan: Plan; onClose: () => void }) {
  const client = useQueryClient();
  const reset = useMutation({
    mutationFn: () => api.delete(`${ADMIN_PLANS}/${encodeURIComponent(plan.id)}`),
    onSuccess: () => {
      toast(`What was changed of ${plan.id} is taken back.`);
      onClose();
    },
    onSettled: () => client.invalidateQueries({ queryKey: [ADMIN_PLANS] }),
  });
  return (
    <Confirm title={`Reset the plan ${plan.id}?`} action="Reset" busy={reset.isPending} onConfirm={() => reset.mutate()} onClose={onClose}>
      <div className="flex flex-col gap-3">
        <p>It has the figures of the package and of penstock.toml again, within 5 seconds. A plan that was made here is gone, if no account has it.</p>
        {reset.error && <Failed error={reset.error} what="The plan was not reset." />}
      </div>
    </Confirm>
  );
}
