// Every key in the text matches this once. A string can match it too, so there may be more matches than keys, never
// fewer: equal numbers prove that no key was dropped as a duplicate.
const KEY = /"[ \t\r\n]*:/g;
const TOKEN = /"(?:[^"\\]|\\.)*"(?=([ \t\r\n]*:)?)|[{}[\]]/gs;

/** A key that stands twice in one object of this JSON, whose value is `value`; null where there is none. */
export function duplicateKey(text: string, value: unknown): string | null {
  if ((text.match(KEY)?.length ?? 0) === keysIn(value)) return null;
  const open: (Set<string> | null)[] = [];
  for (const [token, colon] of text.matchAll(TOKEN)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(token) as string;
      const seen = open.at(-1);
      if (seen?.has(key)) return key;
      seen?.add(key);
    }
  }
  return null;
}

function keysIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inner = Object.values(value).reduce<number>((sum, one) => sum + keysIn(one), 0);
  return Array.isArray(value) ? inner : Object.keys(value).length + inner;
}
