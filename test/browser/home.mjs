import assert from "node:assert/strict";
import { expectInk } from "./page.mjs";

export const tests = {
    async "widgets have live values"(t) {
        const page = await t.open();
        await page.waitForFunction(() => parseFloat(document.querySelector('[data-test="flow-rate"]')?.textContent ?? "0") > 0);
        const exporters = Number(await page.textContent('[data-test="exporters"]'));
        assert.ok(exporters >= 1, `${exporters} exporters`);
        await page.waitForSelector('[data-test="top-entry"]');
        assert.ok((await page.$$('[data-test="top-entry"]')).length >= 5);
        await page.waitForSelector('[data-test="last-flow"] dl');
        const flow = await page.innerText('[data-test="last-flow"]');
        for (const word of ["Exporter", "Source", "Destination", "Received", "Protocol"]) assert.match(flow, new RegExp(word));
        assert.match(await page.title(), /weir/);
    },

    async "the traffic of the day is drawn"(t) {
        const page = await t.open();
        await expectInk(page, 0.02);
        await page.waitForTimeout(500);
        await t.shot("full", { fullPage: true });
        assert.ok((await t.scriptBytes()) < 350_000, `first load: ${await t.scriptBytes()} bytes of script, compressed`);
    },

    async "the day catches up while its past still comes in"(t) {
        const page = await t.context();
        let young = true;
        await page.route("**/widget/graph", async (route) => {
            const response = await route.fetch();
            const day = await response.json();
            if (young) for (const point of day.data.slice(0, -4)) point.gbps = 0;
            await route.fulfill({ response, json: day });
        });
        await t.goto(page);
        await expectInk(page, 0.001);
        young = false;
        await page.waitForResponse((r) => r.url().endsWith("/widget/graph"));
        await expectInk(page, 0.02);
    },

    async "a store that is away is said once"(t) {
        t.tolerate(/status of 500/);
        const page = await t.context();
        let away = true;
        const answer = { status: 500, contentType: "application/json", body: '{"message": "The store does not answer: no connection"}' };
        await page.route("**/widget/**", (route) => (away ? route.fulfill(answer) : route.continue()));
        await t.goto(page);
        await page.waitForSelector('[data-test="outage"]');
        assert.equal((await page.innerText("main")).split("The store does not answer").length, 2, "said once");
        away = false;
        await page.waitForSelector('[data-test="outage"]', { state: "detached", timeout: 180_000 });
    },

    async "an entry opens its view"(t) {
        const page = await t.open();
        await page.waitForSelector('[data-test="top-entry"]');
        const name = (await page.locator('[data-test="top-entry"]').first().innerText()).split("\n")[0];
        const answer = page.waitForResponse((r) => r.url().includes("/graph/line"));
        await page.locator('[data-test="top-entry"]').first().click();
        const request = (await answer).request().postDataJSON();
        assert.equal((await answer).status(), 200, `entry ${name}, filter ${request.filter}`);
        assert.match(page.url(), /\/visualize\/v1-/);
        assert.match(request.filter, /=/);
        await expectInk(page, 0.005);
        await t.shot("view");
    },

    async "each widget opens the view that shows more of it"(t) {
        const page = await t.open();
        await page.waitForSelector('[data-test="top-entry"]');
        await page.waitForSelector('[data-test="last-flow"] dl');
        const titles = await page.locator("main section h2").allInnerTexts();
        const linked = await page.locator("main section h2 a").allInnerTexts();
        assert.deepEqual(linked, titles, "a widget without a view");
        const asked = async (title) => {
            await t.goto(page, "");
            const answer = page.waitForResponse((r) => r.url().includes("/graph/line"));
            await page.locator("main section h2 a", { hasText: title }).click();
            return (await answer).request().postDataJSON();
        };
        const rate = await asked("Flow rate");
        assert.deepEqual([rate.units, rate.dimensions, rate.filter], ["fps", [], ""]);
        assert.deepEqual((await asked("Top source port")).dimensions, ["SrcPort"]);
        const day = await asked("Traffic, last");
        assert.equal(Math.round((Date.parse(day.end) - Date.parse(day.start)) / 3.6e6), 24);
        assert.equal(day.filter, "InIfBoundary = external");
        await t.goto(page, "");
        await page.locator("main section h2 a", { hasText: "Last flow" }).click();
        await page.waitForSelector('[data-test="flow"]');
    },

    async "every entry and title leads to a question the server understands"(t) {
        const page = await t.open();
        await page.waitForSelector('[data-test="top-entry"]');
        const links = await page.$$eval('main a[href*="/visualize/"]', (as) => [...new Set(as.map((a) => a.href))]);
        assert.ok(links.length >= 6);
        for (const link of links.slice(0, 16)) {
            const answer = page.waitForResponse((r) => r.url().includes("/graph/line"));
            await page.goto(link);
            const response = await answer;
            assert.equal(response.status(), 200, `${response.request().postData()}: ${await response.text().catch(() => "")}`);
        }
    },
};
