import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import vue from "@vitejs/plugin-vue";
import { defineConfig, type UserConfig } from "vite";
import { mockApi } from "./dev/mock.ts";

// WEIR_API=http://127.0.0.1:8081 makes `npm run dev` talk to a running console;
// without it the made-up answers of dev/mock.ts are served. Neither is part of a build.
const backend = process.env["WEIR_API"];

const config: UserConfig & { test: object } = {
    // Relative asset addresses plus <base href> in index.html: the console can live under any sub-path.
    base: "./",
    plugins: [vue(), tailwindcss(), ...(backend ? [] : [mockApi()])],
    resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
    build: {
        target: "es2022",
        outDir: "dist",
        emptyOutDir: true,
        reportCompressedSize: false,
        // Inlined assets would be data: addresses, which the Content-Security-Policy refuses.
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
    },
    server: { proxy: backend ? { "/api": backend } : {} },
    // `vite preview` shows the build under the policy the real console sends.
    preview: { headers: { "Content-Security-Policy": "default-src 'self'; style-src-attr 'unsafe-inline'; frame-ancestors 'none'" } },
    test: { include: ["src/**/*.test.ts"], environment: "node" },
};

export default defineConfig(config);
