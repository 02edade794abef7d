import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expectInk, openVisualize, view } from "./page.mjs";

const background = (page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
const brightness = (color) => color.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0) / 3;
const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Pages and what is there once they are. */
const CHART = '[data-test="chart"][aria-busy="false"]';
const PAGES = {
    [view({ graphType: "stacked" })]: `${CHART} canvas`,
    [view({ graphType: "grid", bidirectional: true })]: `${CHART} li canvas`,
    [view({ graphType: "sankey", dimensions: ["SrcAS", "InIfProvider"] })]: `${CHART} [data-ribbon]`,
    [view({ graphType: "heatmap" })]: `${CHART} canvas`,
    flows: '[data-test="flow"]',
    compare: '[data-test="changes"] tbody tr',
    "docs/usage": '[data-test="docs"] h1',
};

/** What axe finds wrong, as text. */
async function barriers(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(" ; ")}`).join("\n");
}

async function allPages(t, colorScheme) {
    const options = { colorScheme, bypassCSP: true };
    const home = await t.open("", options);
    await home.waitForSelector('[data-test="top-entry"]');
    await expectInk(home, 0.02);
    assert.equal(await barriers(home), "", "home");
    for (const [path, ready] of Object.entries(PAGES)) {
        const page = await t.open(path, options);
        await page.waitForSelector(ready);
        assert.equal(await barriers(page), "", path.slice(0, 30));
    }
}

export const tests = {
    "nothing stands in the way of assistive technology, light": (t) => allPages(t, "light"),
    "nothing stands in the way of assistive technology, dark": (t) => allPages(t, "dark"),

    async "menus and dialogues do not stand in the way either"(t) {
        const page = await openVisualize(t, "visualize", { bypassCSP: true });
        await page.waitForSelector('[data-test="value"]');
        await page.locator('[data-test="value"]').first().click();
        await page.waitForSelector('[data-test="value-menu"]');
        assert.equal(await barriers(page), "", "menu of a value");
        await page.keyboard.press("Escape");
        await page.keyboard.press("Control+k");
        await page.waitForSelector('[data-test="palette"] [role="option"]');
        assert.equal(await barriers(page), "", "palette");
        await page.keyboard.press("Escape");
        await page.locator("main").focus();
        await page.keyboard.press("?");
        await page.waitForSelector('[data-test="shortcuts"]');
        assert.equal(await barriers(page), "", "shortcuts");
    },

    async "the dark theme is switched and remembered"(t) {
        const page = await openVisualize(t);
        assert.ok(brightness(await background(page)) > 200);
        await page.click('[data-test="theme"]');
        assert.ok(brightness(await background(page)) < 60);
        await expectInk(page, 0.02);
        await t.shot("visualize");
        await page.reload();
        await page.waitForSelector('[data-test="theme"]');
        assert.ok(brightness(await background(page)) < 60);
        await page.click('nav a:has-text("Home")');
        await expectInk(page, 0.02);
        await page.waitForTimeout(500);
        await t.shot("home", { fullPage: true });
    },

    async "times are in the browser's zone, and the page says which"(t) {
        const flow = t.waitForFlow();
        const page = await t.open("", { timezoneId: "Asia/Kolkata" });
        assert.match(await page.innerText("header"), /Asia\/(Kolkata|Calcutta) \(UTC\+5:30\)/);
        const local = new Date(Date.parse((await flow).TimeReceived) + 5.5 * 3_600_000).toISOString().slice(11, 19);
        await page.waitForSelector('[data-test="last-flow"] dl');
        assert.ok((await page.innerText('[data-test="last-flow"]')).includes(local), `${local} is not shown`);
    },

    async "nothing moves for those who want no motion"(t) {
        const moving = async (reducedMotion) => {
            const page = await t.context({ reducedMotion });
            await page.route("**/graph/line*", async (route) => {
                await new Promise((r) => setTimeout(r, 60_000)); // longer than anybody looks
                await route.continue().catch(() => {});
            });
            await t.goto(page, view({}));
            await page.waitForSelector('[data-test="cancel"]');
            return page.evaluate(() => document.getAnimations().filter((a) => a.effect.getComputedTiming().activeDuration > 20).map((a) => a.animationName ?? a.transitionProperty));
        };
        assert.ok((await moving("no-preference")).length > 0, "the wheel turns");
        assert.deepEqual(await moving("reduce"), []);
    },

    async "the list of keys is true"(t) {
        const page = await openVisualize(t, view({}));
        await page.locator("main").focus();
        await page.keyboard.press("?");
        await page.waitForSelector('[data-test="shortcuts"]');
        const keys = await page.locator('[data-test="shortcuts"] kbd').allInnerTexts();
        for (const key of ["1", "6", "[", "]", "b", "r", "/", "?", "K"]) assert.ok(keys.includes(key), `${key} is not in ${keys}`);
        await t.shot("keys");
        await page.keyboard.press("Escape");
        await page.locator("main").focus();
        for (const [key, name] of [["2", "stacked100"], ["4", "grid"], ["6", "heatmap"], ["1", "stacked"]]) {
            await page.keyboard.press(key);
            await page.waitForFunction((n) => document.querySelector(`[data-test="chart-${n}"]`).getAttribute("aria-checked") === "true", name);
        }
        const before = await page.innerText('[data-test="range"]');
        await page.keyboard.press("[");
        await page.waitForFunction((b) => document.querySelector('[data-test="range"]').textContent.trim() !== b.trim(), before);
    },

    async "the system's choice is followed"(t) {
        const page = await t.open("", { colorScheme: "dark" });
        assert.ok(brightness(await background(page)) < 60);
    },

    async "a phone's width is enough"(t) {
        const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true };
        const home = await t.open("", phone);
        await expectInk(home, 0.02);
        assert.ok((await overflow(home)) <= 0, "home scrolls sideways");
        await t.shot("home", { fullPage: true });
        const page = await openVisualize(t, "visualize", phone);
        await expectInk(page, 0.02);
        assert.ok((await overflow(page)) <= 0, "visualize scrolls sideways");
        await t.shot("visualize");
        await page.getByRole("button", { name: "Options" }).click();
        await page.waitForSelector(".cm-content");
        assert.ok((await overflow(page)) <= 0, "options scroll sideways");
        await t.shot("options");
        for (const [path, ready] of Object.entries(PAGES)) {
            const narrow = await t.open(path, phone);
            await narrow.waitForSelector(ready);
            assert.ok((await overflow(narrow)) <= 0, `${path.slice(0, 30)} scrolls sideways`);
            await t.shot(path.replace(/\W.*/, "") + Object.keys(PAGES).indexOf(path));
        }
    },

    async "the keyboard reaches everything and shows where it is"(t) {
        const page = await openVisualize(t);
        const seen = new Set();
        for (let i = 0; i < 45; i++) {
            await page.keyboard.press("Tab");
            const at = await page.evaluate(() => {
                const e = document.activeElement;
                const s = getComputedStyle(e);
                const ring = s.outlineStyle !== "none" || e.shadowRoot !== null;
                return { name: e.getAttribute("aria-label") ?? e.textContent?.trim().slice(0, 40) ?? "", tag: e.tagName, ring };
            });
            if (at.tag === "BODY") break;
            assert.ok(at.ring, `no focus ring on ${at.tag} ${at.name}`);
            seen.add(at.name);
        }
        const names = [...seen].join("|");
        for (const name of ["Skip to content", "Time range", "Earlier by half", "Add a dimension"]) assert.ok(names.includes(name), `${name} is not reached`);
    },
};
