/* Answers for `npm run dev`: lets the pages be worked on without a running weir. Never part of a build.
 * Query parameters of the page do not matter here; `MOCK=empty npm run dev` plays a fresh system. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import { answer, SAVED, validate, world } from "./answers.ts";

world.empty = process.env["MOCK"] === "empty";

async function read(request: IncomingMessage): Promise<string> {
    let text = "";
    for await (const chunk of request) text += chunk;
    return text;
}

async function serve(request: IncomingMessage, response: ServerResponse, next: () => void): Promise<void> {
    const url = new URL(request.url ?? "/", "http://localhost").pathname;
    if (url.startsWith("/api/")) response.setHeader("Content-Type", "application/json");
    if (/^\/api\/v0\/\w+\/healthcheck$/.test(url)) {
        response.end(JSON.stringify({ status: url.includes("inlet") && world.empty ? "warning" : "ok", details: {} }));
        return;
    }
    if (!url.startsWith("/api/v0/console/")) return next();
    const text = await read(request);
    const body = text ? JSON.parse(text) : {};
    if (body.filter && url.includes("/graph/") && validate(body.filter).errors.length > 0) {
        response.statusCode = 400;
        response.end(JSON.stringify({ message: `Cannot parse the filter: ${validate(body.filter).message}.` }));
        return;
    }
    if (url.includes("/graph/")) await new Promise((done) => setTimeout(done, 150));
    if (url.endsWith("/filter/saved") && request.method === "POST") SAVED.push({ id: SAVED.length + 1, user: "__default", ...body });
    const gone = /\/filter\/saved\/(\d+)$/.exec(url);
    if (gone) SAVED.splice(SAVED.findIndex((f) => f.id === Number(gone[1])), 1);
    if (gone || (url.endsWith("/filter/saved") && request.method === "POST")) {
        response.statusCode = 204;
        return void response.end();
    }
    response.setHeader("X-SQL-Query", "WITH source AS (SELECT * FROM flows_1m0s) SELECT 1");
    response.end(JSON.stringify(answer(url.slice("/api/v0/console/".length), body) ?? { message: "not found" }));
}

export function mockApi(): Plugin {
    return {
        name: "weir-mock-api",
        apply: "serve",
        configureServer(server) {
            server.middlewares.use((request, response, next) => void serve(request, response, next).catch(next));
        },
        configurePreviewServer(server) {
            server.middlewares.use((request, response, next) => void serve(request, response, next).catch(next));
        },
    };
}
