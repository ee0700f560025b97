import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api } from "~/api/client";
import { useAccount } from "~/api/session";
import type { Account, Key, List, UsageDetails, UsagePage, UsageResult } from "~/api/types";
import { type Range, type Span, spanOf } from "~/usage/span";

export const GROUPS = { model: "Model", api_key_id: "API key", user_id: "User" } as const;
export type Group = keyof typeof GROUPS;

export interface Question {
  range: Range;
  from: string | undefined;
  to: string | undefined;
  by: Group | undefined;
  /** An account's id, or `all`; undefined: one's own. */
  account: string | undefined;
}

type Bucket = UsagePage["data"][number];

export interface Usage {
  span: Span;
  buckets: Bucket[];
  details: UsageDetails;
}

/** As the server has it in the query of /api/usage. */
export function queryOf({ by, account }: Question, span: Span) {
  return { start_time: span.start, end_time: span.end, bucket_width: span.width, group_by: by, account };
}

/** All buckets of a question: a page of the server's ends where it has very many results. */
async function buckets(question: Question, span: Span): Promise<Bucket[]> {
  const found: Bucket[] = [];
  let page: string | undefined;
  do {
    const limit = { "1m": 1440, "1h": 168, "1d": 31 }[span.width];
    const answer: UsagePage = await api.get<UsagePage>("/api/usage", { ...queryOf(question, span), limit, page });
    found.push(...answer.data);
    page = answer.next_page ?? undefined;
  } while (page !== undefined);
  return found;
}

export function useUsage(question: Question) {
  return useQuery({
    queryKey: ["/api/usage", question],
    queryFn: async (): Promise<Usage> => {
      const span = spanOf(question.range, question.from, question.to);
      const [sums, details] = await Promise.all([
        buckets(question, span),
        api.get<UsageDetails>("/api/usage/details", queryOf(question, span)),
      ]);
      return { span, buckets: sums, details };
    },
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });
}

/** All accounts, for an administrator to choose from. */
export function useAccounts(wanted: boolean) {
  return useQuery({
    queryKey: ["/api/admin/accounts", "names"],
    queryFn: () => api.get<List<Account>>("/api/admin/accounts", { limit: 1000 }),
    enabled: wanted,
    staleTime: 60_000,
  });
}

/** The keys of the account that is shown: one's own, or those of all for an administrator. */
export function useKeys(account: string | undefined) {
  const path = account === undefined ? "/api/keys" : "/api/admin/keys";
  return useQuery({
    queryKey: [path, "names"],
    queryFn: () => api.get<List<Key>>(path, { limit: 1000 }),
    staleTime: 60_000,
  });
}

/** What people call what was grouped by; an id that has no name stays one. */
export function useNames(by: Group | undefined, account: string | undefined): (id: string) => string {
  const own = useAccount();
  const keys = useKeys(account).data?.data ?? [];
  const accounts = useAccounts(by === "user_id" && account !== undefined).data?.data ?? [];
  const names = new Map<string, string>([[own.id, own.email ?? own.name]]);
  if (by === "api_key_id") for (const key of keys) names.set(key.id, key.of_console ? "Console" : key.name);
  if (by === "user_id") for (const one of accounts) names.set(one.id, one.email ?? one.name);
  return (id) => names.get(id) ?? id;
}

export interface Sums {
  requests: number;
  failed: number;
  input_tokens: number;
  cached_input_tokens: number;
  output_tokens: number;
  /** In the currency, exact in the server's answers; this sum is for people. */
  cost: number;
}

export function sumOf(results: UsageResult[]): Sums {
  const sums: Sums = { requests: 0, failed: 0, input_tokens: 0, cached_input_tokens: 0, output_tokens: 0, cost: 0 };
  for (const one of results) {
    sums.requests += one.requests;
    sums.failed += one.failed;
    sums.input_tokens += one.input_tokens;
    sums.cached_input_tokens += one.cached_input_tokens;
    sums.output_tokens += one.output_tokens;
    sums.cost += Number(one.cost);
  }
  return sums;
}

/** Group → the results of it, those with the most tokens first. */
export function grouped(buckets: Bucket[], by: Group): [string, UsageResult[]][] {
  const found = new Map<string, UsageResult[]>();
  for (const result of buckets.flatMap((bucket) => bucket.results)) {
    const group = result[by] ?? "";
    found.set(group, [...(found.get(group) ?? []), result]);
  }
  const tokens = (results: UsageResult[]) => results.reduce((sum, one) => sum + one.input_tokens + one.output_tokens, 0);
  return [...found].sort((a, b) => tokens(b[1]) - tokens(a[1]));
}
