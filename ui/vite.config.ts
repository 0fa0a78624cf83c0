import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// A running `tamis serve`, for `npm run dev`.
const server = process.env.TAMIS_URL ?? "http://127.0.0.1:7878";

export default defineConfig({
  plugins: [react(), tailwind()],
  server: { proxy: { "/api": server } },
  test: { include: ["src/**/*.test.ts"] },
  build: {
    target: "es2022",
    manifest: true,
    // Everything comes from files of our own origin: the content security policy allows no data: scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
  },
});
