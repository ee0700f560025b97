import type { ReactNode } from "react";
import { useAccount } from "~/api/session";
import { Field, Input, Select } from "~/ui/field";
import { useUrl } from "~/ui/pages";
import { GROUPS, type Question, useAccounts } from "~/usage/data";
import { NAMES, dayOf, spanOf } from "~/usage/span";

/** Which span, by what, and whose: all of it in the URL. */
export function Filters({ question }: { question: Question }) {
  const [, setUrl] = useUrl();
  const { range, by } = question;
  const custom = spanOf("custom", question.from, question.to);
  return (
    <div className="flex flex-wrap items-end gap-3">
      <Narrow>
        <Field label="Range">
          <Select value={range} onChange={(event) => setUrl({ range: event.target.value })}>
            {Object.entries(NAMES).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
        </Field>
      </Narrow>
      {range === "custom" && (
        <>
          <Narrow>
            <Field label="From (UTC)">
              <Input type="date" value={dayOf(custom.start)} max={dayOf(Date.now() / 1000)} onChange={(event) => setUrl({ from: event.target.value })} />
            </Field>
          </Narrow>
          <Narrow>
            <Field label="To (UTC)">
              <Input type="date" value={dayOf((custom.end ?? 0) - 86_400)} max={dayOf(Date.now() / 1000)} onChange={(event) => setUrl({ to: event.target.value })} />
            </Field>
          </Narrow>
        </>
      )}
      <Narrow>
        <Field label="Group by">
          <Select value={by ?? ""} onChange={(event) => setUrl({ by: event.target.value })}>
            <option value="">Nothing</option>
            {Object.entries(GROUPS)
              .filter(([value]) => value !== "user_id" || question.account !== undefined)
              .map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
          </Select>
        </Field>
      </Narrow>
      <WhichAccount account={question.account} />
    </div>
  );
}

/** For administrators: whose usage. */
export function WhichAccount({ account }: { account: string | undefined }) {
  const own = useAccount();
  const [, setUrl] = useUrl();
  const accounts = useAccounts(own.role === "admin").data?.data ?? [];
  if (own.role !== "admin") return null;
  return (
    <Narrow>
      <Field label="Account">
        <Select value={account ?? ""} onChange={(event) => setUrl({ account: event.target.value, after: undefined })}>
          <option value="">My own</option>
          <option value="all">All accounts</option>
          {accounts
            .filter((one) => one.id !== own.id)
            .map((one) => (
              <option key={one.id} value={one.id}>
                {one.email ?? one.name}
              </option>
            ))}
        </Select>
      </Field>
    </Narrow>
  );
}

/** A control of a row of filters. */
export function Narrow({ children }: { children: ReactNode }) {
  return <div className="w-[calc(50%-6px)] sm:w-44">{children}</div>;
}
