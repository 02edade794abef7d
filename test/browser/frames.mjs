#!/usr/bin/env node
/* How smooth the charts are: 50 series of 500 points on the real page, a pointer that moves with every frame. Prints
 * "name value unit" lines; no test, since machines differ.
 *
 * usage: frames.mjs [SECONDS]     environment as for run.mjs */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { openBrowser, view } from "./page.mjs";
import { inOwnNetwork, PROGRAM, startProgram } from "./program.mjs";

const SERIES = 50, POINTS = 500;
const seconds = Number(process.argv[2] ?? 4);

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

/** What the page's thread has spent so far, in ms of its own CPU time: what other programs of the machine do is not in it. */
async function spent(cdp) {
    const { metrics } = await cdp.send("Performance.getMetrics");
    const of = (name) => 1000 * metrics.find((m) => m.name === name).value;
    return { all: of("TaskDuration"), script: of("ScriptDuration"), style: of("RecalcStyleDuration"), layout: of("LayoutDuration") };
}

/** In the page: moves the pointer once a frame over `selector`; frame times, and how long a frame kept the page busy. */
function run({ selector, seconds, zoom }) {
    const target = document.querySelector(selector), box = target.getBoundingClientRect();
    const frames = [], busy = [];
    const event = (type, x, y) => target.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, bubbles: true, pointerId: 1, pointerType: "mouse", button: 0 }));
    const channel = new MessageChannel();
    return new Promise((done) => {
        const end = performance.now() + 1000 * seconds;
        let last = 0, began = 0, n = 0;
        channel.port1.onmessage = () => busy.push(performance.now() - began);
        const frame = (now) => {
            if (last) frames.push(now - last);
            last = now;
            began = performance.now();
            if (began > end) return done({ frames, busy });
            n++;
            const part = 0.5 + 0.45 * Math.sin(n / 37);
            event("pointermove", box.left + 70 + (box.width - 90) * part, box.top + box.height * (0.5 + 0.4 * Math.sin(n / 11)));
            requestAnimationFrame(frame);
            channel.port2.postMessage(0); // runs once this frame is painted
        };
        if (zoom) {
            target.setPointerCapture = () => {}; // no finger is there to be captured
            event("pointerdown", box.left + box.width / 3, box.top + box.height / 2);
        }
        requestAnimationFrame(frame);
    });
}

const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))];

async function measure(browser, url, out, kind, zoom) {
    const t = browser.context(url, join(out, `frames-${kind}`));
    const page = await t.context();
    await page.route("**/graph/line*", async (route) => {
        await route.fulfill({ contentType: "application/json", body: JSON.stringify(answer(route.request().postDataJSON())) });
    });
    await t.goto(page, view({ graphType: kind, limit: 49 }));
    await page.waitForSelector('[data-test="chart"][aria-busy="false"] canvas');
    await page.waitForTimeout(800);
    const selector = '[data-test="chart"] [role="img"], [data-test="chart"] [role="group"]';
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
    const before = await spent(cdp);
    const { frames, busy } = await page.evaluate(run, { selector, seconds, zoom });
    const after = await spent(cdp);
    const name = `frames_${kind}_${zoom ? "zoom" : "hover"}`;
    const rate = 1000 / (frames.reduce((a, b) => a + b, 0) / frames.length);
    console.log(`${name}_per_s ${rate.toFixed(1)} frames/s`);
    for (const part of Object.keys(before)) console.log(`${name}_cpu_${part} ${((after[part] - before[part]) / frames.length).toFixed(2)} ms/frame`);
    for (const [label, q] of [["p50", 0.5], ["p95", 0.95]]) console.log(`${name}_busy_${label} ${quantile(busy, q).toFixed(1)} ms`);
    console.log(`${name}_late ${((100 * frames.filter((f) => f > 25).length) / frames.length).toFixed(1)} %`);
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
        for (const kind of ["stacked", "stacked100", "lines", "heatmap"]) await measure(browser, (process.env.WEIR_URL ?? program.url).replace(/\/?$/, "/"), out, kind, false);
        for (const kind of ["stacked", "lines"]) await measure(browser, (process.env.WEIR_URL ?? program.url).replace(/\/?$/, "/"), out, kind, true);
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
