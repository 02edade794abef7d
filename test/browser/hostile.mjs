/* Names as an attacker would choose them, in a real store: by metadata, networks, AS names, dictionaries, saved filters,
 * addresses of pages. Wherever they are shown they are text: nothing runs, nothing is asked of anybody, the page keeps its
 * form. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { address } from "./page.mjs";
import { json, startWith } from "./program.mjs";

export const seconds = 240;

const IMAGE = '"><img src=x onerror="window.owned=1">';
const SCRIPT = "</td></script><script>window.owned=2</script>";
const TURNED = "in\u202egpj.exe\u2066 {{constructor.constructor('window.owned=3')()}}";
const LONG = "W".repeat(240);
const QUOTES = `it's \\ "quoted" \`ticks\` \${window.owned=4} %s %27 -- /* */`;
const LINK = "javascript:window.owned=5//https://example.invalid/<svg/onload=window.owned=6>";
const NAMES = [IMAGE, SCRIPT, TURNED, LONG, QUOTES, LINK];

const PORTS = { orchestrator: 18080, store: 18123, inlet: 18082, outlet: 18083, console: 18081, netflow: 12055 };
const URL_HERE = `http://127.0.0.1:${PORTS.console}/`;
const http = (role) => ({ listen: `127.0.0.1:${PORTS[role]}` });

function configuration() {
    const file = join(mkdtempSync(join(tmpdir(), "weir-hostile-")), "names.csv");
    writeFileSync(file, `number,kind\n${NAMES.map((n, i) => `${64500 + i},"${n.replaceAll('"', '""')}"`).join("\n")}\n`);
    const interfaces = Object.fromEntries(
        NAMES.map((n, i) => [i + 1, { name: n, description: n, speed: 1000, provider: n, connectivity: n, boundary: "external" }]),
    );
    const attributes = { group: IMAGE, role: SCRIPT, site: TURNED, region: LONG, tenant: QUOTES };
    return {
        http: http("orchestrator"),
        store: { http: http("store"), username: "weir", password: "secret" },
        schema: {
            "custom-dictionaries": {
                kinds: { keys: [{ name: "number", type: "UInt32" }], attributes: [{ name: "kind", label: "Kind" }], source: file, dimensions: ["SrcAS", "DstAS"] },
            },
        },
        clickhouse: { asns: Object.fromEntries(NAMES.map((n, i) => [64500 + i, n])) },
        inlet: { http: http("inlet"), flow: { inputs: [{ type: "udp", decoder: "netflow", listen: `127.0.0.1:${PORTS.netflow}` }] } },
        outlet: {
            http: http("outlet"),
            networks: { networks: { "10.0.0.0/8": { name: IMAGE, role: SCRIPT, site: TURNED, region: LONG, tenant: QUOTES, city: LINK, state: IMAGE } } },
            metadata: { providers: [{ type: "static", exporters: { "::/0": { name: `${IMAGE} ${TURNED}`, ...attributes, ifindexes: interfaces } } }] },
        },
        console: {
            http: http("console"),
            "homepage-top-widgets": ["src-as", "exporter", "protocol", "InIfProvider", "InIfDescription"].slice(0, 3),
            database: { "saved-filters": [{ description: IMAGE, content: `InIfProvider = "${SCRIPT.replace(/"/g, '\\"')}"` }] },
        },
    };
}

/** NetFlow v5: thirty flows, over all interfaces and AS. */
function datagram(sequence) {
    const b = Buffer.alloc(24 + 30 * 48);
    b.writeUInt16BE(5, 0);
    b.writeUInt16BE(30, 2);
    b.writeUInt32BE(1_000_000, 4);
    b.writeUInt32BE(Math.floor(Date.now() / 1000), 8);
    b.writeUInt32BE(sequence * 30, 16);
    for (let i = 0; i < 30; i++) {
        const at = 24 + i * 48;
        b.writeUInt32BE(0x0a000000 + i, at);
        b.writeUInt32BE(0x0a010000 + (i % 4), at + 4);
        b.writeUInt16BE(1 + (i % 6), at + 12);
        b.writeUInt16BE(1 + ((i + 1) % 6), at + 14);
        b.writeUInt32BE(10, at + 16);
        b.writeUInt32BE(10_000 * (1 + (i % 6)), at + 20);
        b.writeUInt32BE(999_000, at + 24);
        b.writeUInt32BE(999_900, at + 28);
        b.writeUInt16BE(443, at + 32);
        b.writeUInt16BE(1024 + i, at + 34);
        b.writeUInt8(6, at + 38);
        b.writeUInt16BE(64500 + (i % 6), at + 40);
        b.writeUInt16BE(64500 + ((i + 1) % 6), at + 42);
    }
    return b;
}

/** Runs `use` beside a program whose every name is hostile. */
async function withHostileProgram(t, use) {
    const socket = createSocket("udp4");
    let sequence = 0;
    const send = () => socket.send(datagram(sequence++), PORTS.netflow, "127.0.0.1");
    const timer = setInterval(send, 100);
    const ready = async () => ((await json("widget/top/exporter", URL_HERE))?.top ?? []).length > 0 && ((await json("widget/top/src-as", URL_HERE))?.top ?? []).length >= 5;
    let program;
    try {
        program = await startWith(configuration(), `${t.shotPrefix}.log`, URL_HERE, ready);
        t.url = URL_HERE;
        t.origin = new URL(URL_HERE).origin;
        await use();
    } finally {
        clearInterval(timer);
        socket.close();
        await program?.stop();
    }
}

/** A page that remembers what its policy had to forbid. */
async function watched(t, options) {
    const page = await t.context(options);
    await page.addInitScript(() => {
        window.forbidden = [];
        document.addEventListener("securitypolicyviolation", (e) => window.forbidden.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
    });
    page.on("dialog", (d) => {
        t.complaints.push(`dialog: ${d.message()}`);
        void d.dismiss();
    });
    return page;
}

async function harmless(page, where) {
    const seen = await page.evaluate(() => ({
        owned: window.owned,
        forbidden: window.forbidden,
        planted: [...document.querySelectorAll("main img, main script, main iframe, svg[onload], a[href^='javascript' i]")].map((e) => e.outerHTML.slice(0, 100)),
        wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        title: document.title.length,
        turned: /.{0,20}[\u202a-\u202e\u2066-\u2069]/.exec(document.body.innerText)?.[0],
    }));
    assert.deepEqual(seen.forbidden, [], `${where}: the policy had to forbid something`);
    assert.equal(seen.owned, undefined, `${where}: a name ran`);
    assert.deepEqual(seen.planted, [], `${where}: a name became an element`);
    assert.equal(seen.turned, undefined, `${where}: the writing is turned around`);
    assert.ok(seen.wide <= 0, `${where}: ${seen.wide} pixels too wide`);
    assert.ok(seen.title < 200, `${where}: a title of ${seen.title} characters`);
}

const hostileView = (state) => address("visualize", "v1-", { start: "10 minutes ago", end: "now", filter: "", limit: 10, ...state });
const CHART = '[data-test="chart"][aria-busy="false"]';

async function chart(t, page, state, ready) {
    await t.goto(page, hostileView(state));
    await page.waitForSelector(`${CHART} ${ready}`);
    await page.waitForSelector('[data-test="value"], [data-test="sankey"], [data-ribbon]');
    const name = `${state.graphType} by ${state.dimensions.join(", ")}`;
    const plot = await page.locator(`${CHART} ${ready}`).first().boundingBox();
    for (const part of [0.3, 0.5, 0.8]) await page.mouse.move(plot.x + plot.width * 0.9, plot.y + plot.height * part);
    await page.waitForTimeout(150);
    await harmless(page, name);
    return page;
}

const COLUMNS = ["SrcAS", "InIfDescription", "InIfProvider", "InIfName", "ExporterName", "SrcNetName", "SrcASKind", "ExporterSite", "SrcGeoCity"];

async function charts(t, page) {
    for (const dimension of COLUMNS) {
        await chart(t, page, { graphType: "stacked", dimensions: [dimension] }, "canvas");
        const values = await page.locator('[data-test="value"]').allInnerTexts();
        assert.ok(values.length > 0, dimension);
        if (dimension === "InIfProvider") assert.ok(values.some((v) => v.includes("<script>")), values.join("\n"));
    }
    await t.shot("stacked");
    for (const graphType of ["stacked100", "lines", "grid", "heatmap"]) {
        await chart(t, page, { graphType, dimensions: ["InIfDescription", "SrcAS"], bidirectional: graphType !== "heatmap" }, "canvas");
        await t.shot(graphType);
    }
    await chart(t, page, { graphType: "sankey", dimensions: ["SrcAS", "InIfProvider", "SrcASKind"] }, "[data-ribbon]");
    await t.shot("sankey");
    await page.locator("[data-ribbon]").first().hover({ force: true });
    await harmless(page, "sankey's tooltip");
}

/** Each value can be chosen as a filter: what the menu writes is what the server takes for that value alone. */
async function menus(t, page) {
    await chart(t, page, { graphType: "stacked", dimensions: ["InIfProvider"] }, "canvas");
    const n = await page.locator('[data-test="value"]').count();
    assert.ok(n >= 6, `${n} values`);
    for (let i = 0; i < n; i++) {
        await chart(t, page, { graphType: "stacked", dimensions: ["InIfProvider"] }, "canvas");
        const value = page.locator('[data-test="value"]').nth(i);
        const name = await value.textContent();
        await value.click();
        await page.waitForSelector('[data-test="value-menu"]');
        const box = await page.locator('[data-test="value-menu"]').boundingBox();
        assert.ok(box.width < 300 && box.height < 600, `menu of ${box.width} x ${box.height}`);
        const answer = page.waitForResponse((r) => r.url().includes("/graph/line"));
        await page.locator('[data-test="value-menu"]').getByText("Only this", { exact: true }).click();
        assert.equal((await answer).status(), 200, name);
        await page.waitForSelector(CHART);
        await page.waitForFunction((count) => document.querySelectorAll('[data-test="value"]').length === count, 1);
        assert.equal(await page.locator('[data-test="value"]').first().textContent(), name);
        await harmless(page, `filter of ${name.slice(0, 20)}`);
    }
    await t.shot("menu");
}

async function filters(t, page) {
    await chart(t, page, { graphType: "stacked", dimensions: ["SrcAS"], filter: `InIfProvider = "${IMAGE.replaceAll('"', '\\"')}"` }, "canvas");
    await page.getByRole("button", { name: "Saved filters" }).click();
    await page.waitForSelector('[data-test="saved"] li');
    await page.fill('[data-test="saved"] input[maxlength]', `${TURNED} ${SCRIPT}`.slice(0, 200));
    await page.locator('[data-test="saved"] form button').click();
    await page.waitForFunction(() => document.querySelectorAll('[data-test="saved"] li').length >= 2);
    const saved = await page.innerText('[data-test="saved"]');
    assert.ok(saved.includes("onerror") && saved.includes("window.owned=2"));
    await harmless(page, "saved filters");
    await t.shot("saved");
    await page.keyboard.press("Escape");
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+a");
    for (const column of ["InIfProvider", "InIfDescription", "SrcAS", "SrcASKind", "ExporterName"]) {
        await page.keyboard.press("Control+a");
        await page.keyboard.type(`${column} = `);
        await page.keyboard.press("Control+Space");
        await page.waitForSelector(".cm-tooltip-autocomplete li");
        const box = await page.locator(".cm-tooltip-autocomplete").boundingBox();
        assert.ok(box.x >= 0 && box.x + box.width <= 1440, `completion from ${box.x}, ${box.width} wide`);
        await harmless(page, `completion of ${column}`);
        await page.keyboard.press("Escape");
    }
    await t.shot("completion");
    await page.keyboard.press("Control+a");
    await page.keyboard.type('InIfProvider = "<img src=x onerror=window.owned=7>" AND <svg/onload=window.owned=8>');
    await page.waitForSelector('[data-test="filter-problem"]');
    await harmless(page, "a wrong filter");
    await page.keyboard.press("Control+k");
    await page.waitForSelector('[data-test="palette"]');
    await page.keyboard.type("window.owned");
    await page.waitForTimeout(300);
    await harmless(page, "palette");
    await page.keyboard.press("Escape");
}

async function elsewhere(t, page) {
    await t.goto(page, "");
    await page.waitForSelector('[data-test="top-entry"]');
    await page.waitForSelector('[data-test="last-flow"] dl');
    await page.waitForFunction((name) => document.querySelector('[data-test="last-flow"]').textContent.includes(name), "onerror");
    await harmless(page, "home");
    await t.shot("home", { fullPage: true });
    await t.goto(page, address("flows", "f1-", { start: "10 minutes ago", end: "now", filter: "", order: "-TimeReceived", limit: 50 }));
    await page.waitForSelector('[data-test="flow"]');
    await page.check('[data-test="all-columns"]');
    await page.waitForFunction(() => document.querySelectorAll('[data-test="flows"] th, thead th').length > 40);
    await harmless(page, "flows");
    await t.shot("flows");
    await t.goto(page, address("compare", "c1-", { dimensions: ["InIfDescription"] }));
    await page.waitForTimeout(1000);
    await harmless(page, "compare");
}

/** What anyone can write into a link. */
async function addresses(t, page) {
    const links = [
        address("visualize", "v1-", { start: IMAGE, end: SCRIPT, filter: IMAGE, dimensions: [IMAGE, SCRIPT], graphType: SCRIPT, units: IMAGE, limit: IMAGE }),
        address("visualize", "v1-", { start: LINK, end: LINK, filter: LONG.repeat(40), dimensions: ["SrcAS"] }),
        address("visualize", "v1-", { __proto__: { polluted: 1 }, constructor: { prototype: { polluted: 1 } }, dimensions: ["constructor", "__proto__"] }),
        address("flows", "f1-", { start: IMAGE, end: SCRIPT, filter: SCRIPT, order: IMAGE, limit: 1e9 }),
        address("compare", "c1-", { filter: IMAGE, dimensions: [SCRIPT], before: { start: IMAGE }, after: IMAGE }),
        `visualize/${encodeURIComponent(IMAGE)}`,
        `visualize/v1-${"A".repeat(20_000)}`,
        `docs/${encodeURIComponent(IMAGE)}`,
        `docs/usage#${encodeURIComponent(IMAGE)}`,
        "docs/usage#%",
        `${encodeURIComponent(SCRIPT)}?${encodeURIComponent(IMAGE)}#${encodeURIComponent(IMAGE)}`,
    ];
    for (const link of links) {
        await t.goto(page, link);
        await page.waitForSelector("main");
        await page.waitForTimeout(350);
        await harmless(page, decodeURIComponent(link.slice(0, 60).replace(/%$/, "")));
        assert.equal(await page.evaluate(() => ({}).polluted), undefined);
    }
}

export const tests = {
    async "names from outside are text everywhere"(t) {
        // asked for with wrong filters and pages that are not there
        t.tolerate(/status of (400|404)/);
        await withHostileProgram(t, async () => {
            const page = await watched(t);
            await elsewhere(t, page);
            await charts(t, page);
            await menus(t, page);
            await filters(t, page);
            await addresses(t, page);
            const phone = await watched(t, { viewport: { width: 390, height: 844 }, hasTouch: true });
            await chart(t, phone, { graphType: "stacked", dimensions: ["InIfDescription"] }, "canvas");
            await chart(t, phone, { graphType: "sankey", dimensions: ["InIfDescription", "SrcAS"] }, "[data-ribbon]");
            await elsewhere(t, phone);
            assert.doesNotMatch(readFileSync(`${t.shotPrefix}.log`, "utf8"), /level=error/);
        });
    },
};
