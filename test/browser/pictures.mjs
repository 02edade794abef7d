/* How the pages look: each page and kind of chart, in both themes, on a desk and on a phone, beside a picture in the tree.
 *
 * The program serves the pages; their numbers are the made-up ones of web/dev/answers.ts at a fixed time, so that a picture is
 * the same everywhere. It is compared when it is made small, where neither a pixel's rounding nor an edge's smoothing is
 * seen but a colour, a gap or a line that moved is. A picture that differs is kept in OUT with the difference beside it. Text has
 * the fonts of the page itself, drawn as fonts.conf says: the machine's own fonts and settings do not matter.
 *
 *   RENEW=1 node test/browser/run.mjs pictures     makes the pictures anew: look at them before they are committed */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { address, view } from "./page.mjs";

export const seconds = 150;

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "pictures");
const NOW = Date.parse("2026-11-21T14:00:30Z");
const SHAPES = { desk: { width: 1280, height: 800, shrink: 6 }, phone: { width: 390, height: 844, shrink: 4 } };

/** Levels of colour kept in the tree: a fine one costs bytes and says nothing. */
const STEP = 16;
/** A pixel is another one when it is further off than this, and a picture when so many of a thousand pixels are. */
const LEVELS = 20, PER_THOUSAND = 1;

/** The answers are TypeScript, for the pages' own types. */
async function madeUp() {
    const web = createRequire(new URL("../../web/package.json", import.meta.url));
    const source = readFileSync(new URL("../../web/dev/answers.ts", import.meta.url), "utf8");
    const ts = web("typescript");
    const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
    return import(`data:text/javascript;base64,${Buffer.from(outputText).toString("base64")}`);
}
const answers = await madeUp();
answers.world.now = () => NOW;

const reply = (route, status, body) =>
    route.fulfill({ status, contentType: "application/json", headers: { "X-SQL-Query": "SELECT 1" }, body: JSON.stringify(body) });

function answerTo(route, failing) {
    const path = new URL(route.request().url()).pathname;
    const body = route.request().postDataJSON() ?? {};
    if (/healthcheck$/.test(path)) return reply(route, 200, { status: "ok", details: {} });
    const name = path.replace("/api/v0/console/", "");
    if (failing && (name.startsWith("widget/") || name.startsWith("graph/"))) return reply(route, failing.status, { message: failing.message });
    return reply(route, 200, answers.answer(name, body));
}

/** A page at a fixed time, with made-up answers, and nothing on it that differs from machine to machine. */
async function still(t, path, ready, shape, { failing, empty = false }) {
    const { width, height } = SHAPES[shape];
    const page = await t.context({ viewport: { width, height }, timezoneId: "UTC", locale: "en-GB", reducedMotion: "reduce", deviceScaleFactor: 1 });
    await page.clock.setFixedTime(NOW);
    answers.world.empty = empty;
    await page.route("**/api/v0/**", (route) => answerTo(route, failing));
    // The system's own typewriter font is another one on each system.
    await page.addInitScript(() => document.addEventListener("DOMContentLoaded", () => document.documentElement.style.setProperty("--font-mono", '"Inter Variable"')));
    await t.goto(page, path);
    await page.waitForSelector(ready);
    return page;
}

/** Once fonts are there and two frames have passed, so that the charts are drawn with them. */
async function photograph(page, theme) {
    await page.emulateMedia({ colorScheme: theme });
    await page.waitForFunction((dark) => document.documentElement.classList.contains("dark") === dark, theme === "dark");
    await page.evaluate(async () => {
        await document.fonts.ready;
        for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
    });
    return page.screenshot({ animations: "disabled", mask: [page.locator("details > summary")], maskColor: "#808080" });
}

/** A screenshot made small, each pixel the mean of shrink x shrink: { width, height, rgb }. Only a browser reads its PNG. */
async function small(t, shot, shrink) {
    t.pixels ??= await t.blank();
    const { width, height, data } = await t.pixels.evaluate(
        async ([text, k]) => {
            const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${text}`)).blob());
            const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
            context.drawImage(image, 0, 0);
            const from = context.getImageData(0, 0, image.width, image.height).data;
            const width = Math.floor(image.width / k), height = Math.floor(image.height / k), to = new Uint8Array(3 * width * height);
            for (let y = 0; y < height; y++)
                for (let x = 0; x < width; x++)
                    for (let c = 0; c < 3; c++) {
                        let sum = 0;
                        for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) sum += from[4 * ((y * k + i) * image.width + x * k + j) + c];
                        to[3 * (y * width + x) + c] = Math.round(sum / (k * k));
                    }
            let data = "";
            for (let i = 0; i < to.length; i += 8192) data += String.fromCharCode(...to.subarray(i, i + 8192));
            return { width, height, data: btoa(data) };
        },
        [shot.toString("base64"), shrink],
    );
    return { width, height, rgb: Buffer.from(data, "base64") };
}

const SIGNATURE = Buffer.from("89504e470d0a1a0a", "hex");

/** A PNG (RFC 2083) of 8-bit colours whose lines are not filtered: pictures of few colours are smallest that way. */
function png({ width, height, rgb }) {
    const chunk = (type, data) => {
        const body = Buffer.concat([Buffer.from(type), data]), ends = Buffer.alloc(8);
        ends.writeUInt32BE(data.length, 0);
        ends.writeUInt32BE(crc32(body), 4);
        return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
    };
    const head = Buffer.alloc(13);
    head.writeUInt32BE(width, 0);
    head.writeUInt32BE(height, 4);
    head.set([8, 2], 8);
    const lines = Buffer.alloc(height * (1 + 3 * width));
    for (let y = 0; y < height; y++) rgb.copy(lines, y * (1 + 3 * width) + 1, 3 * width * y, 3 * width * (y + 1));
    return Buffer.concat([SIGNATURE, chunk("IHDR", head), chunk("IDAT", deflateSync(lines, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

/** Reads what png() wrote. */
function pixelsOf(file) {
    const data = readFileSync(file), width = data.readUInt32BE(16), height = data.readUInt32BE(20);
    const lines = inflateSync(data.subarray(41, 41 + data.readUInt32BE(33)));
    assert.equal(lines.length, height * (1 + 3 * width), `${file} was not made by RENEW=1`);
    return { width, height, rgb: Buffer.concat(Array.from({ length: height }, (_, y) => lines.subarray(y * (1 + 3 * width) + 1, (y + 1) * (1 + 3 * width)))) };
}

/** How many of a thousand pixels differ, and a picture of where. */
function difference(known, now) {
    if (known.width !== now.width || known.height !== now.height) return { perThousand: 1000, picture: now };
    const rgb = Buffer.alloc(now.rgb.length);
    let off = 0;
    for (let i = 0; i < rgb.length; i += 3) {
        const by = Math.max(...[i, i + 1, i + 2].map((c) => Math.abs(known.rgb[c] - now.rgb[c])));
        if (by > LEVELS) off++;
        rgb.set(by > LEVELS ? [255, 0, 80] : [...now.rgb.subarray(i, i + 3)].map((v) => 128 + v / 2), i);
    }
    return { perThousand: (3000 * off) / rgb.length, picture: { ...now, rgb } };
}

async function compare(t, name, shot, shrink) {
    const file = join(FOLDER, `${name}.png`), now = await small(t, shot, shrink);
    if (process.env.RENEW) {
        mkdirSync(FOLDER, { recursive: true });
        writeFileSync(file, png({ ...now, rgb: now.rgb.map((v) => Math.min(255, Math.round(v / STEP) * STEP)) }));
        return 0;
    }
    assert.ok(existsSync(file), `there is no picture ${file} yet: RENEW=1 makes it`);
    const { perThousand, picture } = difference(pixelsOf(file), now);
    if (perThousand > PER_THOUSAND && !t.provoked) {
        writeFileSync(`${t.shotPrefix}-${name}.png`, shot);
        writeFileSync(`${t.shotPrefix}-${name}-difference.png`, png(picture));
    }
    return perThousand;
}

const CHART = '[data-test="chart"][aria-busy="false"]';
const SANKEY = ["SrcAS", "InIfProvider", "InIfConnectivity", "SrcPort"];
const AWAY = { status: 503, message: "The store cannot answer now: it is starting" };

/** The difference once the page stands still: on a busy machine its last frame may come after the first photograph. */
async function compareStill(t, name, page, theme, shrink) {
    for (let more = 8; ; more--) {
        const off = await compare(t, name, await photograph(page, theme), shrink);
        if (off <= PER_THOUSAND || more === 0) return off;
        await page.waitForTimeout(500);
    }
}

/** Name: address, what is there once the page is, and what is special about it. */
const PAGES = {
    home: ["", '[data-test="top-entry"]'],
    first: ["", "text=No flow received yet", { empty: true }],
    stacked: [view({ graphType: "stacked", filter: "InIfBoundary = external" }), `${CHART} canvas`],
    shares: [view({ graphType: "stacked100" }), `${CHART} canvas`],
    lines: [view({ graphType: "lines", previousPeriod: true, limit: 5, units: "inl2%", dimensions: ["InIfProvider"] }), `${CHART} canvas`],
    directions: [view({ graphType: "stacked", bidirectional: true }), `${CHART} canvas`],
    grid: [view({ graphType: "grid", limit: 8 }), `${CHART} li canvas`],
    sankey: [view({ graphType: "sankey", dimensions: SANKEY }), `${CHART} [data-ribbon]`],
    heatmap: [view({ graphType: "heatmap", limit: 20 }), `${CHART} canvas`],
    compare: [address("compare", "c1-", {}), '[data-test="changes"] tbody tr'],
    flows: ["flows", '[data-test="flow"]'],
    docs: ["docs/usage", '[data-test="docs"] h1'],
    away: [view({}), '[data-test="error"]', { failing: AWAY }],
};

async function looks(t, name) {
    const [path, ready, how = {}] = PAGES[name];
    if (how.failing) t.tolerate(/status of 503/);
    const wrong = [];
    for (const [shape, { shrink }] of Object.entries(SHAPES)) {
        const page = await still(t, path, ready, shape, how);
        for (const theme of ["light", "dark"]) {
            const off = await compareStill(t, `${name}-${shape}-${theme}`, page, theme, shrink);
            if (off > PER_THOUSAND) wrong.push(`${name}-${shape}-${theme}: ${off.toFixed(1)} of 1,000 pixels`);
        }
        await page.close();
    }
    assert.deepEqual(wrong, [], `looks otherwise than in ${FOLDER}; the pictures and the differences begin with ${t.shotPrefix}`);
}

/** A change that a person makes by hand must be seen, or the pictures are worth nothing. */
async function notices(t) {
    if (process.env.RENEW) return;
    const CHANGES = {
        "the colours of a chart": { selector: "[data-plot] canvas", property: "filter", value: "hue-rotate(25deg)" },
        "the room above the page": { selector: "main > div", property: "padding-top", value: "24px" },
        "the colour of cards": { selector: "html", property: "--surface", value: "#e6ebf0" },
        "the colour of quiet text": { selector: "html", property: "--ink-2", value: "#a0adb8" },
    };
    const [path, ready] = PAGES.stacked;
    const page = await still(t, path, ready, "desk", {});
    const off = async () => compare(t, "stacked-desk-light", await photograph(page, "light"), SHAPES.desk.shrink);
    assert.ok((await compareStill(t, "stacked-desk-light", page, "light", SHAPES.desk.shrink)) <= PER_THOUSAND, "pixels differ before anything was changed");
    t.provoked = true;
    for (const [what, { selector, property, value }] of Object.entries(CHANGES)) {
        const set = (to) => page.$eval(selector, (e, [p, v]) => e.style.setProperty(p, v), [property, to]);
        await set(value);
        const n = await off();
        assert.ok(n > PER_THOUSAND, `${what} was changed, and ${n.toFixed(2)} of 1,000 pixels differ`);
        await set("");
    }
}

export const tests = {
    ...Object.fromEntries(Object.keys(PAGES).map((name) => [`${name} looks as it did`, (t) => looks(t, name)])),
    "a change that is made by hand is noticed": notices,
};
