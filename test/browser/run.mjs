#!/usr/bin/env node
/* Drives the real program with Chromium: every page, both themes, a phone's width.
 *
 * usage: run.mjs [--junit FILE] [NAME]...     NAME: only tests whose name contains it
 *   WEIR_URL=http://...  a console that runs already; else WEIR (build/weir) is started with the demo
 *   OUT=DIR              screenshots and logs (build/screenshots)
 *   CHROMIUM=PATH        /usr/bin/chromium */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { openBrowser } from "./page.mjs";
import { canRun, inOwnNetwork, PROGRAM, startProgram } from "./program.mjs";

const top = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const out = resolve(process.env.OUT ?? join(top, "build/screenshots"));
/** How much slower than a quiet machine a busy one may be. */
const PATIENCE = 4;
const FILES = ["home", "visualize", "charts", "slides", "explore", "rows", "filter", "link", "docs", "look", "pictures", "hostile"];

function parse(argv) {
    const options = { junit: null, names: [] };
    for (let i = 0; i < argv.length; i++) {
        if (argv[i] === "--junit") options.junit = argv[++i];
        else options.names.push(argv[i]);
    }
    return options;
}

async function load(names) {
    const all = [];
    for (const file of FILES) {
        const { tests, seconds } = await import(`./${file}.mjs`);
        for (const [name, run] of Object.entries(tests)) all.push({ file, name, run, seconds: PATIENCE * (seconds ?? 90) });
    }
    return names.length === 0 ? all : all.filter((t) => names.some((n) => `${t.file}: ${t.name}`.includes(n)));
}

/** One test in a fresh browser context. What a page complains about is as much a failure as an assertion. */
async function runOne(test, browser, url) {
    const began = Date.now();
    const context = await browser.context(url, join(out, `${test.file}-${test.name.replace(/\W+/g, "-")}`));
    try {
        await Promise.race([
            test.run(context),
            new Promise((_, no) => setTimeout(() => no(new Error(`not finished after ${test.seconds} s`)), 1000 * test.seconds).unref()),
        ]);
        context.verdict();
        return { ...test, state: "passed", ms: Date.now() - began };
    } catch (e) {
        await context.shot("failed").catch(() => {});
        return { ...test, state: "failed", ms: Date.now() - began, reason: `${e.stack ?? e}${context.complaintText()}` };
    } finally {
        await context.close();
    }
}

const escape = (s) => s.replace(/[^\x20-\x7e\n]/g, "?").replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`);

function junit(file, results) {
    const cases = results.map((r) => {
        const tag = { failed: "failure", skipped: "skipped" }[r.state];
        const inner = tag ? `<${tag} message="${escape(r.reason.split("\n")[0])}">${escape(r.reason)}</${tag}>` : "";
        return `<testcase classname="${r.file}" name="${escape(r.name)}" time="${r.ms / 1000}">${inner}</testcase>`;
    });
    mkdirSync(dirname(resolve(file)), { recursive: true });
    writeFileSync(file, `<testsuite name="browser" tests="${results.length}">\n${cases.join("\n")}\n</testsuite>\n`);
}

async function main() {
    const options = parse(process.argv.slice(2));
    mkdirSync(out, { recursive: true });
    if (!process.env.WEIR_URL) {
        if (!canRun(PROGRAM)) return report([{ file: "program", name: "run", state: "skipped", ms: 0, reason: `${PROGRAM} lacks one of the roles` }], options);
        const code = inOwnNetwork();
        if (code !== null) return code;
    }
    const program = process.env.WEIR_URL ? null : await startProgram(PROGRAM, out);
    const url = (process.env.WEIR_URL ?? program.url).replace(/\/?$/, "/");
    const browser = await openBrowser();
    const results = [];
    try {
        for (const test of await load(options.names)) {
            const r = await runOne(test, browser, url);
            results.push(r);
            console.log(`${r.state === "passed" ? "ok  " : "FAIL"} ${r.file}: ${r.name} (${r.ms} ms)${r.reason ? `\n${r.reason}` : ""}`);
        }
    } finally {
        await browser.close();
        await program?.stop();
    }
    return report(results, options);
}

function report(results, options) {
    if (options.junit) junit(options.junit, results);
    const count = (state) => results.filter((r) => r.state === state).length;
    console.log(`${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
    return count("failed") > 0 || results.length === 0 ? 1 : 0;
}

main().then(
    (code) => process.exit(code),
    (e) => {
        console.error(e);
        process.exit(1);
    },
);
