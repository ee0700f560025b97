import { useSyncExternalStore } from "react";

const watchers = new Set<() => void>();

function shown(): "dark" | "light" {
  return document.documentElement.dataset["theme"] === "dark" ? "dark" : "light";
}

/** The theme, and how to change to the other one. It is kept in this browser; public/theme.js sets it at the start. */
export function useTheme(): ["dark" | "light", () => void] {
  const theme = useSyncExternalStore(
    (tell) => {
      watchers.add(tell);
      return () => watchers.delete(tell);
    },
    shown,
  );
  const change = () => {
    const to = theme === "dark" ? "light" : "dark";
    document.documentElement.dataset["theme"] = to;
    try {
      localStorage.setItem("theme", to);
    } catch {
      // A browser that keeps nothing shows it until the page is left.
    }
    for (const tell of watchers) tell();
  };
  return [theme, change];
}
