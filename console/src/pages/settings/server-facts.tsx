import type { Server } from "~/api/types";
import { Copy } from "~/ui/copy";
import { size, span } from "~/ui/format";
import { Facts, Panel } from "~/ui/page";

/** What runs here, since when, and how much room there is. */
export function ServerFacts({ server }: { server: Server }) {
  return (
    <Panel title="This server">
      <Facts
        facts={[
          ["Version", `Penstock ${server.version}, Python ${server.python}, ${server.system}`],
          ["Up for", span(1000 * Math.max(1, server.now - server.started_at))],
          ["Database", `${server.database}, ${size(server.database_bytes)}`],
          ["Database at", <Place key="database" place={server.database_place} />],
          ["Data folder", <Place key="data" place={server.data_dir} />],
          ["Free disk", size(server.free_bytes)],
          ["Settings file", server.file === null ? "none was found" : <Place key="file" place={server.file} />],
        ]}
      />
    </Panel>
  );
}

function Place({ place }: { place: string }) {
  return (
    <span className="inline-flex max-w-full items-center gap-1">
      <code className="min-w-0 font-mono text-xs break-all">{place}</code>
      <Copy text={place} what="the path" />
    </span>
  );
}
