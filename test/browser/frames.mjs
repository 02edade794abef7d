#!/usr/bin/env node
/* How smooth the charts are: 50 series of 500 points on the real page, driven by real events. Prints "name value unit" lines of
 * what a frame costs the page's thread in CPU time: 16.7 ms are 60 frames a second. No test, since machines differ.
 *
 * usage: frames.mjs [SCENE]     e.g. stacked_hover; environment as for run.mjs */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { openBrowser, view } from "./page.mjs";
import { inOwnNetwork, PROGRAM, startProgram } from "./program.mjs";

const SERIES = 50, POINTS = 500;
/** Moves of the pointer a scene has. */
const STEPS = 240;
const only = process.argv[2] ?? "";

/** An answer as the server gives it, with values that look like traffic. */
function answer(request) {
    const end = Math.floor(Date.parse(request.end) / 60_000) * 60_000;
    const t = Array.from({ length: POINTS }, (_, i) => new Date(end - (POINTS - i) * 60_000).toISOString());
    const value = (s, i) => 1e9 * (1 / (1 + s / 4)) * (1 + 0.4 * Math.sin(i / 40 + s) + 0.1 * Math.sin(i * 7.3 + s * 3));
    const rows = Array.from({ length: SERIES }, (_, s) => [s === SERIES - 1 ? "Other" : `${64500 + s}: Network ${s}`]);
    const points = rows.map((_, s) => t.map((_, i) => value(s, i)));
    const each = (fn) => points.map(fn);
    const mean = (p) => p.reduce((a, b) => a + b, 0) / p.length;
    return {
        t, rows, points, axis: rows.map(() => 1), "axis-names": { 1: "Direct" }, interval: 60, table: "flows_1m0s", resolution: 60,
        average: each(mean), min: each((p) => Math.min(...p)), max: each((p) => Math.max(...p)), last: each((p) => p.at(-1)), "95th": each(mean),
        total: each((p) => mean(p) * POINTS * 60), "incomplete-from": null, missing: [], losses: [], completeness: 1, note: [], sql: "", "time-ms": 1,
        "rows-read": 1, "bytes-read": 1,
    };
}

/** 50 sources over 8 providers to 10 ports. */
function flows() {
    const rows = Array.from({ length: 400 }, (_, i) => [`${64500 + (i % 50)}: Network ${i % 50}`, `provider ${(i * 7) % 8}`, String(1000 + ((i * 3) % 10))]);
    const xps = rows.map((_, i) => 1e9 / (1 + i / 20));
    const name = (row, n) => `${["SrcAS", "InIfProvider", "SrcPort"][n]}: ${row[n]}`;
    const nodes = [...new Set(rows.flatMap((r) => r.map((_, n) => name(r, n))))].map((n) => ({ name: n, axis: 1 }));
    const links = new Map();
    rows.forEach((r, i) => [0, 1].forEach((n) => {
        const key = JSON.stringify([name(r, n), name(r, n + 1)]);
        links.set(key, (links.get(key) ?? 0) + xps[i]);
    }));
    return {
        rows, xps, axis: rows.map(() => 1), "axis-names": { 1: "Direct" }, nodes, links: [...links].map(([key, x]) => ({ source: JSON.parse(key)[0], target: JSON.parse(key)[1], xps: x, axis: 1 })),
        table: "flows_1m0s", resolution: 60, completeness: 1, note: [], sql: "", "time-ms": 1, "rows-read": 1, "bytes-read": 1,
    };
}

/** What each frame cost the page's own thread, in ms of its CPU time: from one commit to the next, whatever else the machine did. */
function framesOf(events) {
    const main = new Map();
    for (const e of events) if (e.name === "Commit" && e.ph === "X" && e.tts) main.set(`${e.pid} ${e.tid}`, [...(main.get(`${e.pid} ${e.tid}`) ?? []), e.tts + (e.tdur ?? 0)]);
    const [times] = [...main.values()].sort((a, b) => b.length - a.length);
    return (times ?? []).slice(1).map((t, i) => (t - times[i]) / 1000);
}

async function traced(page, act) {
    const cdp = await page.context().newCDPSession(page), events = [];
    cdp.on("Tracing.dataCollected", (e) => events.push(...e.value));
    await cdp.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["devtools.timeline", "disabled-by-default-devtools.timeline"] } });
    await act();
    const complete = new Promise((done) => cdp.once("Tracing.tracingComplete", done));
    await cdp.send("Tracing.end");
    await complete;
    await cdp.detach();
    return framesOf(events);
}

const CHART = '[data-test="chart"]';
const ROWS = '[data-test="table"] tr[data-series]';
const boxOf = (page, selector) => page.locator(selector).first().boundingBox();

/** The pointer over a chart, up and down and along: real events, one after the other. */
async function over(page, box, steps) {
    for (let n = 0; n < steps; n++) {
        const x = 0.5 + 0.45 * Math.sin(n / 37), y = 0.5 + 0.4 * Math.sin(n / 11);
        await page.mouse.move(box.x + 70 + (box.width - 90) * x, box.y + box.height * y);
    }
}

const hover = async (page, steps) => over(page, await boxOf(page, CHART), steps);

async function zoom(page, steps) {
    const box = await boxOf(page, CHART);
    await page.mouse.move(box.x + box.width / 3, box.y + box.height / 2);
    await page.mouse.down();
    await over(page, box, steps);
    await page.keyboard.press("Escape");
    await page.mouse.up();
}

async function legend(page, steps) {
    await page.locator(ROWS).nth(4).scrollIntoViewIfNeeded();
    await page.mouse.wheel(0, 300);
    await page.waitForTimeout(300);
    const box = await boxOf(page, '[data-test="table"]'), top = Math.max(0, box.y) + 40;
    for (let n = 0; n < steps; n++) await page.mouse.move(box.x + 400, top + (n * 9) % (880 - top));
}

async function toggle(page, steps) {
    const swatches = page.locator('[data-test="swatch"]');
    for (let n = 0; n < steps / 20; n++) {
        await swatches.nth((n * 7) % 40).evaluate((e) => e.click());
        await page.waitForTimeout(150);
    }
}

async function resize(page, steps) {
    for (let n = 0; n < steps / 2; n++) await page.setViewportSize({ width: Math.round(1280 + 160 * Math.sin(n / 9)), height: 900 });
}

async function scroll(page, steps) {
    await page.mouse.move(900, 700);
    for (let n = 0; n < steps; n++) await page.mouse.wheel(0, n % 60 < 30 ? 40 : -40);
}

async function change(page, steps) {
    for (let n = 0; n < steps / 30; n++) {
        await page.locator(`[data-test="chart-${["lines", "heatmap", "stacked100", "grid", "stacked"][n % 5]}"]`).evaluate((e) => e.click());
        await page.waitForTimeout(250);
    }
}

/** Kind of chart, what is done to it. */
const SCENES = [
    ...["stacked", "stacked100", "lines", "grid", "heatmap", "sankey"].map((kind) => [kind, "hover", hover]),
    ...["stacked", "lines", "grid"].map((kind) => [kind, "legend", legend]),
    ["stacked", "zoom", zoom], ["lines", "zoom", zoom],
    ...["stacked", "lines", "grid", "heatmap"].map((kind) => [kind, "resize", resize]),
    ["stacked", "scroll", scroll], ["stacked", "toggle", toggle], ["lines", "toggle", toggle], ["stacked", "change", change],
];

const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))];

async function measure(browser, url, out, [kind, name, act]) {
    const t = browser.context(url, join(out, `frames-${kind}`));
    const page = await t.context();
    await page.route("**/graph/line*", (route) => route.fulfill({ contentType: "application/json", body: JSON.stringify(answer(route.request().postDataJSON())) }));
    await page.route("**/graph/sankey*", (route) => route.fulfill({ contentType: "application/json", body: JSON.stringify(flows()) }));
    await t.goto(page, view({ graphType: kind, limit: 49, ...(kind === "sankey" ? { dimensions: ["SrcAS", "InIfProvider", "SrcPort"] } : {}) }));
    await page.waitForSelector(`${CHART}[aria-busy="false"] :is(canvas, [data-ribbon])`);
    await page.waitForTimeout(800);
    const frames = await traced(page, () => act(page, STEPS));
    const value = (label, ms) => console.log(`frames_${kind}_${name}_${label} ${ms.toFixed(1)} ms`);
    value("p50", quantile(frames, 0.5));
    value("p95", quantile(frames, 0.95));
    value("max", Math.max(...frames));
    await t.close();
}

async function main() {
    const out = resolve(process.env.OUT ?? "build/screenshots");
    mkdirSync(out, { recursive: true });
    if (!process.env.WEIR_URL) {
        const code = inOwnNetwork();
        if (code !== null) return code;
    }
    const program = process.env.WEIR_URL ? null : await startProgram(PROGRAM, out);
    const browser = await openBrowser();
    try {
        for (const scene of SCENES.filter(([kind, name]) => `${kind}_${name}`.includes(only))) await measure(browser, (process.env.WEIR_URL ?? program.url).replace(/\/?$/, "/"), out, scene);
    } finally {
        await browser.close();
        await program?.stop();
    }
    return 0;
}

main().then((code) => process.exit(code), (e) => {
    console.error(e);
    process.exit(1);
});
