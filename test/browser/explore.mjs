import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { answered, expectInk, openVisualize, view } from "./page.mjs";

async function menuOf(page, i = 0) {
    await page.waitForSelector('[data-test="value"]');
    const value = page.locator('[data-test="value"]').nth(i);
    const name = (await value.innerText()).trim();
    await value.click();
    await page.waitForSelector('[data-test="value-menu"]');
    return name;
}

const item = (page, name) => page.locator('[data-test="value-menu"]').getByText(name, { exact: true });

export const tests = {
    async "a value is kept, left out and split"(t) {
        const page = await openVisualize(t, view({ filter: "EType = IPv4" }));
        const name = await menuOf(page);
        await t.shot("menu");
        const number = /^\d+/.exec(name)[0];
        const only = await answered(page, () => item(page, "Only this").click());
        assert.equal(only.status, 200);
        assert.equal(only.request.filter, `EType = IPv4 AND SrcAS = AS${number}`);
        await page.goBack();
        await page.waitForSelector('[data-test="chart"][aria-busy="false"]');
        await menuOf(page);
        const without = await answered(page, () => item(page, "Leave out").click());
        assert.equal(without.request.filter, `EType = IPv4 AND SrcAS != AS${number}`);
        assert.ok(!without.body.rows.some((r) => r[0] === name));
        await menuOf(page);
        const split = await answered(page, () => item(page, "DstAS").click());
        assert.deepEqual(split.request.dimensions, ["DstAS"]);
        assert.match(split.request.filter, /SrcAS = AS\d+$/);
    },

    async "every value of every dimension can be asked for"(t) {
        const page = await t.open(view({ dimensions: [] }));
        await page.waitForSelector('[data-test="chart"][aria-busy="false"]');
        const dimensions = await page.evaluate(async () => (await (await fetch("/api/v0/console/configuration")).json()).dimensions);
        assert.ok(dimensions.length > 30);
        let asked = 0;
        for (const dimension of dimensions.filter((d) => /^(Src|In|Exporter|EType|Proto|Forw|Flow|PacketSizeB|Dst1st)/.test(d))) {
            const now = new Date().toISOString();
            const rows = await page.evaluate(async ([dimension, now]) => {
                const body = { start: new Date(Date.parse(now) - 1_800_000).toISOString(), end: now, points: 20, dimensions: [dimension], limit: 3, limitType: "avg", filter: "", units: "l3bps", bidirectional: false, "previous-period": false, "truncate-v4": 24, "truncate-v6": 48 };
                const response = await fetch("/api/v0/console/graph/line", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
                return (await response.json()).rows;
            }, [dimension, now]);
            const value = rows?.[0]?.[0];
            if (value === undefined || value === "Other") continue;
            const state = { dimensions: [dimension], truncateV4: 24, truncateV6: 48, start: "30 minutes ago" };
            if (asked++ % 5 !== 0) continue; // a fifth of them is enough of the browser's time
            await t.goto(page, view(state));
            await page.waitForSelector('[data-test="value"]');
            await menuOf(page);
            const button = item(page, "Only this");
            if (await button.isDisabled()) assert.match(dimension, /Path|Communit|Proto|EType/, `${dimension}: ${value}`);
            else assert.equal((await answered(page, () => button.click())).status, 200, `${dimension}: ${value}`);
        }
        assert.ok(asked >= 12, `${asked} dimensions had values`);
    },

    async "what changed between two times"(t) {
        const page = await openVisualize(t, view({ start: "2 hours ago" }));
        await page.click('[data-test="compare"]');
        await page.waitForSelector('[data-test="changes"] tbody tr');
        const questions = [];
        page.on("request", (r) => r.url().includes("/graph/line") && questions.push(r.postDataJSON()));
        const answers = Promise.all([1, 2].map(() => page.waitForResponse((r) => r.url().includes("/graph/line"))));
        await page.click('[data-test="earlier-range"]');
        await answers;
        await page.waitForSelector('[data-test="side-before"] [aria-busy="false"] canvas');
        for (const side of ["before", "after"]) await expectInk(page, 0.05, `[data-test="side-${side}"] [data-plot] canvas`);
        const rows = await page.locator('[data-test="changes"] tbody tr').allInnerTexts();
        assert.ok(rows.length >= 8 && rows.every((r) => /bps/.test(r)));
        assert.ok(questions.some((q) => (Date.parse(q.end) - Date.parse(q.start)) / 3.6e6 > 1.9));
        assert.match(page.url(), /\/compare\/c1-/);
        await t.shot("compare", { fullPage: true });
    },

    async "the palette finds, keys act, views are remembered"(t) {
        const page = await openVisualize(t, view({}));
        await page.keyboard.press("Control+k");
        await page.waitForSelector('[data-test="palette"]');
        await page.keyboard.type("split by dstport");
        const { request } = await answered(page, () => page.keyboard.press("Enter"));
        assert.deepEqual(request.dimensions, ["SrcAS", "DstPort"]);
        await page.locator("main").focus();
        await page.keyboard.press("3");
        assert.equal(await page.getAttribute('[data-test="chart-lines"]', "aria-checked"), "true");
        await answered(page, () => page.keyboard.press("b"));
        assert.ok(await page.getByLabel("the other direction").isChecked());
        await page.keyboard.press("/");
        await page.keyboard.type(" x");
        assert.match(await page.innerText(".cm-content"), /x/);
        await page.getByRole("button", { name: "Recent views" }).click();
        assert.ok((await page.locator('[data-test="recent"] li').count()) >= 2);
        await t.shot("recent");
        await answered(page, () => page.locator('[data-test="recent"] li a').last().click());
    },

    async "a double press goes back where the zoom began"(t) {
        const page = await openVisualize(t, view({}));
        await expectInk(page, 0.05);
        const hours = (question) => (Date.parse(question.end) - Date.parse(question.start)) / 3.6e6;
        const box = await page.locator("[data-plot]").boundingBox();
        const zoomed = await answered(page, async () => {
            await page.mouse.move(box.x + box.width * 0.4, box.y + 80);
            await page.mouse.down();
            await page.mouse.move(box.x + box.width * 0.6, box.y + 90, { steps: 5 });
            await page.mouse.up();
        });
        assert.ok(hours(zoomed.request) < 1);
        const back = await answered(page, () => page.mouse.dblclick(box.x + box.width * 0.5, box.y + 100));
        assert.ok(Math.abs(hours(back.request) - 3) < 0.01, `${hours(back.request)} hours`);
        assert.equal(await page.locator('[data-test="value-menu"]').count(), 0, "two presses are not one");
    },

    async "an address says what it is"(t) {
        const page = await openVisualize(t, view({ dimensions: ["SrcAddr"], start: "30 minutes ago", filter: "SrcAS = AS2906 AND EType = IPv4" }));
        const answer = page.waitForResponse((r) => r.url().includes("/console/address/"));
        const name = await menuOf(page);
        const known = await (await answer).json();
        assert.equal(known.address, name);
        assert.equal(known.as, 2906);
        await page.waitForFunction(() => /AS2906 Netflix/.test(document.querySelector('[data-test="about"]')?.textContent ?? ""));
        const box = await page.locator('[data-test="value-menu"]').boundingBox();
        assert.ok(box.y + box.height <= 900, "the menu stays in the window");
        await t.shot("address");
        await page.keyboard.press("Escape");
        await openVisualize(t, view({ dimensions: ["SrcAS"], start: "30 minutes ago" }));
        let asked = false;
        t.page.on("request", (r) => (asked ||= r.url().includes("/console/address/")));
        await menuOf(t.page);
        await t.page.waitForTimeout(300);
        assert.ok(!asked, "only addresses are asked about");
    },

    async "names that routers send are text, also in a picture"(t) {
        const evil = '"><img src=x onerror="window.owned=1"><script>window.owned=1</script>';
        const page = await t.context();
        await page.route("**/graph/line*", async (route) => {
            const response = await route.fetch();
            const body = await response.json();
            body.rows[0] = [evil];
            await route.fulfill({ response, json: body });
        });
        await t.goto(page, view({ dimensions: ["InIfDescription"] }));
        await menuOf(page);
        await page.keyboard.press("Escape");
        await page.getByRole("button", { name: "Export" }).click();
        const download = page.waitForEvent("download");
        await page.click('[data-test="export-svg"]');
        const svg = readFileSync(await (await download).path(), "utf8");
        assert.ok(!svg.includes("<img") && !svg.includes("<script"));
        assert.equal(await page.evaluate(() => window.owned), undefined);
    },
};
