import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const OUT = join(import.meta.dirname, "../src/penstock/console/static");
const TEXT = /\.(js|css|html|svg)$/;

/** Puts a compressed copy beside each text, so that the server compresses nothing while it serves. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      for (const entry of readdirSync(OUT, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !TEXT.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const data = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(data, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
      }
    },
  };
}

/** What every page needs, in one file: many small ones compress worse, and this one stays as pages change. */
const BASE = /node_modules\/(react|react-dom|scheduler|use-sync-external-store|@tanstack\/[a-z-]+)\/|lucide-react\/dist\/esm\/[^/]*\.js|lucide-react\/dist\/esm\/shared\//;
const PARTS = /src\/ui\/(badge|bar|button|class|copy|format|model-state|page|pages|sparkline|states|table|tabs)\.tsx?$/;

// `npx vite` in this folder shows the pages with the API of a server that runs on its usual port.
const API = process.env["PENSTOCK_URL"] ?? "http://127.0.0.1:8484";

export default defineConfig({
  plugins: [react(), tailwindcss(), compressed()],
  resolve: { alias: { "~": join(import.meta.dirname, "src") } },
  build: { outDir: OUT, emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: "es2022", rolldownOptions: { output: { codeSplitting: { groups: [{ name: "base", test: BASE }, { name: "parts", test: PARTS }] } } } },
  server: { proxy: { "/api": API, "/health": API } },
});
