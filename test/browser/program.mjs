/* The real program with the demo's traffic, in a network of its own when that is possible. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const URL_OF_CONSOLE = "http://127.0.0.1:8081/";

/** The program under test. */
export const PROGRAM = process.env.WEIR ?? join(dirname(fileURLToPath(import.meta.url)), "../../build/weir");

/** Whether this build of weir can run everything on one machine. */
export function canRun(program) {
    const stdout = spawnSync(program, ["--help"], { encoding: "utf8" }).stdout ?? "";
    return ["run", "inlet", "outlet", "store", "console"].every((role) => new RegExp(`^ +${role} +`, "m").test(stdout));
}

/** As root, runs this very command again inside a new network namespace, so that weir has its usual ports to itself.
 * Returns its exit code, or null when the tests are to run here. */
export function inOwnNetwork() {
    if (process.env.WEIR_BROWSER_NETNS || process.getuid?.() !== 0) return null;
    const name = `wb${process.pid}`;
    const ip = (...args) => spawnSync("ip", args, { stdio: "inherit" }).status === 0;
    if (!ip("netns", "add", name)) return null;
    try {
        ip("-n", name, "link", "set", "lo", "up");
        const env = { ...process.env, WEIR_BROWSER_NETNS: name };
        const child = spawnSync("ip", ["netns", "exec", name, process.execPath, ...process.argv.slice(1)], { stdio: "inherit", env });
        return child.status ?? 1;
    } finally {
        ip("netns", "del", name);
    }
}

export async function json(path, url = URL_OF_CONSOLE) {
    const response = await fetch(new URL(`api/v0/console/${path}`, url));
    return response.ok ? response.json() : null;
}

/** The demo has filled the day, so that every page has something to show and shows the same from test to test. */
async function filled() {
    const [flow, graph, top] = await Promise.all([json("widget/flow-last"), json("widget/graph"), json("widget/top/src-as")]);
    const points = (graph?.data ?? []).filter((p) => p.gbps > 0).length;
    return flow !== null && Object.keys(flow).length > 0 && points >= 200 && (top?.top ?? []).length > 0;
}

export const startProgram = (program, out) => start(program, join(out, "weir.log"), [], URL_OF_CONSOLE, filled);

/** A second program, on a configuration of its own with other ports. */
export function startWith(configuration, log, url, ready) {
    const folder = mkdtempSync(join(tmpdir(), "weir-configuration-"));
    const path = join(folder, "weir.yaml");
    writeFileSync(path, JSON.stringify(configuration));
    return start(PROGRAM, log, ["--config", path], url, ready);
}

/** Runs it until stop(); resolves once ready() is true. */
async function start(program, log, options, url, ready) {
    const data = mkdtempSync(join(tmpdir(), "weir-browser-"));
    const fd = openSync(log, "w");
    const child = spawn(program, ["run", "--data-dir", data, ...options], { stdio: ["ignore", fd, fd] });
    let ended = null;
    child.on("exit", (code, signal) => (ended = `weir run ended (${code ?? signal})`));
    child.on("error", (e) => (ended = `${program}: ${e.message}`));
    const stop = async () => {
        if (ended === null) {
            child.kill("SIGTERM");
            for (let i = 0; i < 600 && ended === null; i++) await new Promise((r) => setTimeout(r, 100));
            if (ended === null) child.kill("SIGKILL");
        }
        rmSync(data, { recursive: true, force: true });
    };
    const until = Date.now() + 600_000;
    while (Date.now() < until && ended === null) {
        if (await ready().catch(() => false)) return { url, stop };
        await new Promise((r) => setTimeout(r, 500));
    }
    const why = ended ?? "no flows could be seen after ten minutes";
    await stop();
    throw new Error(`${why}; the end of its log:\n${readFileSync(log, "utf8").split("\n").slice(-30).join("\n")}`);
}
