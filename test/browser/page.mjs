/* Chromium, and what every test needs of a page: complaints collected, screenshots, and whether a chart has ink. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const { chromium } = createRequire(import.meta.url)("playwright-core");
const LZString = createRequire(new URL("../../web/package.json", import.meta.url))("lz-string");

/** The address of a page whose state is known: what a shared link of today looks like. */
export const address = (page, prefix, state) => `${page}/${prefix}${LZString.compressToEncodedURIComponent(JSON.stringify(state))}`;
export const view = (state) => address("visualize", "v1-", { start: "3 hours ago", end: "now", filter: "", dimensions: ["SrcAS"], limit: 10, ...state });

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    // text as on any other machine, whatever its font settings
    "--font-render-hinting=none", "--disable-lcd-text", "--force-color-profile=srgb"];

export async function openBrowser() {
    const env = { FONTCONFIG_FILE: fileURLToPath(new URL("fonts.conf", import.meta.url)), ...process.env };
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS, env });
    return {
        context: (url, shotPrefix) => new TestContext(browser, url, shotPrefix),
        close: () => browser.close(),
    };
}

class TestContext {
    constructor(browser, url, shotPrefix) {
        this.browser = browser;
        this.url = url;
        this.origin = new URL(url).origin;
        this.shotPrefix = shotPrefix;
        this.complaints = [];
        this.tolerated = [];
        this.contexts = [];
        this.scripts = new Map();
    }

    /** A page at `path`, in a browser context of its own. */
    async open(path = "", options = {}) {
        return this.goto(await this.context(options), path);
    }

    async goto(page, path = "") {
        await page.goto(new URL(path, this.url).toString());
        return page;
    }

    /** A page that is nowhere yet, so that its requests can be watched from the first on. */
    async context(options = {}) {
        const context = await this.browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light", ...options });
        this.contexts.push(context);
        const page = await context.newPage();
        page.setDefaultTimeout(60_000); // of a busy machine
        this.page = page;
        page.on("console", (m) => m.type() === "error" && this.complaints.push(`console: ${m.text()}`));
        page.on("pageerror", (e) => this.complaints.push(`error: ${e.stack ?? e}`));
        page.on("request", (r) => this.checkAddress(r.url()));
        page.on("response", (r) => this.measure(r));
        return page;
    }

    /** An empty page, to compute in what only a browser can. */
    async blank() {
        const context = await this.browser.newContext();
        this.contexts.push(context);
        return context.newPage();
    }

    checkAddress(url) {
        const { origin, protocol } = new URL(url);
        if (origin !== this.origin && protocol !== "blob:") this.complaints.push(`request to another host: ${url}`);
    }

    measure(response) {
        if (this.onFlow && response.url().endsWith("/widget/flow-last")) response.json().then(this.onFlow, () => {});
        const type = response.headers()["content-type"] ?? "";
        if (!/javascript/.test(type)) return;
        const size = response.body().then((b) => gzipSync(b).length, () => 0);
        this.scripts.set(response.url(), size);
    }

    /** The first latest flow that a page is told of, as the API writes it. */
    waitForFlow() {
        return new Promise((found) => (this.onFlow = found));
    }

    /** Compressed bytes of script so far. */
    async scriptBytes() {
        const sizes = await Promise.all(this.scripts.values());
        return sizes.reduce((a, b) => a + b, 0);
    }

    /** A complaint that the test provokes, such as the 400 of a wrong filter. */
    tolerate(pattern) {
        this.tolerated.push(pattern);
    }

    complaintText() {
        const bad = this.complaints.filter((c) => !this.tolerated.some((t) => t.test(c)));
        return bad.length > 0 ? `\ncomplaints of the page:\n  ${bad.join("\n  ")}` : "";
    }

    verdict() {
        const text = this.complaintText();
        if (text) throw new Error(text.trim());
    }

    async shot(name, options = {}) {
        if (this.page) await this.page.screenshot({ path: `${this.shotPrefix}-${name}.png`, ...options });
    }

    async close() {
        for (const c of this.contexts) await c.close();
    }
}

/** Share of the plot's pixels (axes and grid left out) that have colour. */
export async function ink(page, selector = "[data-plot] canvas") {
    await page.waitForSelector(selector, { timeout: 500 });
    return page.$eval(selector, (canvas) => {
        const ratio = canvas.width / canvas.clientWidth;
        const box = { x: 60 * ratio, y: 16 * ratio, w: canvas.width - 76 * ratio, h: canvas.height - 44 * ratio };
        const { data } = canvas.getContext("2d").getImageData(box.x, box.y, box.w, box.h);
        let colored = 0;
        for (let i = 0; i < data.length; i += 4) {
            const most = Math.max(data[i], data[i + 1], data[i + 2]), least = Math.min(data[i], data[i + 1], data[i + 2]);
            if (data[i + 3] > 40 && most - least > 24) colored++;
        }
        return colored / (data.length / 4);
    });
}

/** Waits until the chart has ink: an empty plot area is a failure. */
export async function expectInk(page, least, selector) {
    let seen = 0;
    for (let i = 0; i < 160; i++) {
        seen = await ink(page, selector).catch(() => 0);
        if (seen >= least) return seen;
        await page.waitForTimeout(250);
    }
    throw new Error(`the plot area is empty: ${(100 * seen).toFixed(2)} % of it has colour, expected ${100 * least} %`);
}

/** The exact answer comes last, after a first look. */
function lastLine(text) {
    try {
        return JSON.parse(text.trim().split("\n").at(-1));
    } catch {
        return null;
    }
}

/** Waits for the answer of the question the page asks next. */
export async function answered(page, action, path = "/graph/line") {
    const response = page.waitForResponse((r) => r.url().includes(path));
    await action();
    const r = await response;
    await page.waitForSelector('[data-test="chart"][aria-busy="false"]');
    const question = r.request();
    // The browser does not always keep what a page reads as a stream; the same question without the first look has the same answer.
    const body =
        lastLine(await r.text().catch(() => "")) ??
        (await page.evaluate(
            async ([url, data]) => (await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: data })).json(),
            [r.url().replace(/\?progress$/, ""), question.postData()],
        ));
    return { status: r.status(), request: question.postDataJSON(), body };
}

export async function openVisualize(t, path = "visualize", options = {}) {
    const page = await t.open(path, options);
    await page.waitForSelector('[data-test="chart"][aria-busy="false"]');
    return page;
}
