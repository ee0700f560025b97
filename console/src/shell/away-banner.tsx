import { WifiOff } from "lucide-react";
import { useEffect } from "react";
import { useAway, watch } from "~/api/live";

/** Watches the server, and says that the server does not answer, as long as it does not; the pages go on by themselves when it is back. */
export function AwayBanner() {
  const away = useAway();
  useEffect(watch, []);
  return (
    <div role="status" className="sticky top-0 z-20">
      {away && (
        <p className="flex items-center gap-2 border-b border-warn bg-panel px-4 py-2 sm:px-6 lg:px-8">
          <WifiOff size={16} aria-hidden className="shrink-0 text-warn" />
          The server does not answer; trying again…
        </p>
      )}
    </div>
  );
}
