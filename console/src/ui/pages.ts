import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type Query, api } from "~/api/client";
import type { List } from "~/api/types";

/** What the URL's query says, and how to change some of it; "" and undefined take a name away. */
export function useUrl(): [Record<string, string | undefined>, (to: Record<string, string | undefined>) => void] {
  const search: Record<string, string | undefined> = useSearch({ strict: false });
  const navigate = useNavigate();
  return [search, (to) => void navigate({ to: ".", search: { ...search, ...to }, replace: true })];
}

/** Cursors of the pages before, in the URL: the server pages by the last id, so that nothing shifts. */
const split = (after: string | undefined) => (after ? after.split(",") : []);

/**
 * One page of a list of the server, which sorts and filters it: `filters` is its query, beside `limit` and `after`. Where
 * one stands is in the URL (`after`, and the page by its length).
 */
export function useList<Row>(path: string, filters: Query = {}, { limit = 50, every }: { limit?: number; every?: number | ((rows: Row[]) => number | false) } = {}) {
  const [url, setUrl] = useUrl();
  const cursors = split(url["after"]);
  const query = useQuery({
    queryKey: [path, filters, cursors.at(-1) ?? "", limit],
    queryFn: () => api.get<List<Row>>(path, { ...filters, limit, after: cursors.at(-1) }),
    placeholderData: keepPreviousData,
    refetchInterval: typeof every === "function" ? ({ state }) => every(state.data?.data ?? []) : (every ?? false),
  });
  const last = query.data?.last_id;
  return {
    ...query,
    rows: query.data?.data ?? [],
    pager: {
      page: cursors.length + 1,
      hasMore: query.data?.has_more ?? false,
      onBack: () => setUrl({ after: cursors.slice(0, -1).join(",") }),
      onForward: () => last && setUrl({ after: [...cursors, last].join(",") }),
    },
  };
}

/** The order in the URL (`sort`), for a Table and for the server. Another order begins at the first page. */
export function useSorting(usual: string) {
  const [url, setUrl] = useUrl();
  const by = url["sort"] ?? usual;
  return { by, onSort: (to: string) => setUrl({ sort: to === usual ? undefined : to, after: undefined }) };
}
