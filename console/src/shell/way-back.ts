/** `to` where it is a path of this very site, else "/": a log-in must never lead to somebody else's page. */
export function ownPath(to: string | undefined): string {
  if (!to?.startsWith("/")) return "/";
  let url: URL;
  try {
    url = new URL(to, window.location.origin);
  } catch {
    return "/";
  }
  const path = url.pathname + url.search + url.hash;
  // As the browser reads it: "/\evil.example" and "/.//evil.example" are another host's.
  return url.origin === window.location.origin && !path.startsWith("//") ? path : "/";
}
