import assert from "node:assert/strict";
import { answered, address, expectInk, openVisualize, view } from "./page.mjs";

const item = (page, name) => page.locator('[data-test="value-menu"]').getByText(name, { exact: true });

export const tests = {
    async "on a phone each flow is a card that fits"(t) {
        const page = await t.open("flows", { viewport: { width: 390, height: 844 }, hasTouch: true });
        await page.waitForSelector('li[data-test="flow"]');
        const wide = await page.$$eval('li[data-test="flow"]', (all) => all.filter((e) => e.scrollWidth > e.clientWidth).length);
        assert.equal(wide, 0, "cards that are wider than the screen");
        await page.locator('li[data-test="flow"] button').first().tap();
        await page.waitForSelector('[data-test="value-menu"]');
    },

    async "what sampling leaves in doubt is drawn"(t) {
        const page = await openVisualize(t, view({ graphType: "lines", limit: 3 }));
        const { request, body } = await answered(page, () => page.check('[data-test="error-band"]'));
        assert.equal(request["error-band"], true);
        const i = body.points[0].findIndex((v) => v > 0);
        assert.ok(body.error[0][i] > 0, "one packet in a thousand leaves a doubt");
        await expectInk(page, 0.01);
        await t.shot("doubt");
    },

    async "a point leads to its flows"(t) {
        const page = await openVisualize(t, view({ graphType: "stacked", start: "30 minutes ago" }));
        await expectInk(page, 0.05);
        const box = await page.locator("[data-plot]").boundingBox();
        await page.mouse.click(box.x + box.width * 0.6, box.y + box.height - 50);
        await page.waitForSelector('[data-test="value-menu"]');
        await t.shot("point");
        const answer = page.waitForResponse((r) => r.url().endsWith("/console/flows"));
        await item(page, "Raw flows of this moment").click();
        const body = await (await answer).json();
        await page.waitForSelector('[data-test="flow"]');
        assert.ok(body.rows.length > 0);
        assert.ok(body.columns.length > 8, "the usual columns");
        const request = (await answer).request().postDataJSON();
        assert.ok((Date.parse(request.end) - Date.parse(request.start)) / 1000 <= 120, "one bucket");
        const at = body.columns.findIndex((c) => c.name === "TimeReceived");
        for (const row of body.rows) assert.ok(row[at] >= request.start && row[at] < request.end, row[at]);
        await t.shot("flows");
    },

    async "flows are ordered, completed and filtered"(t) {
        const page = await t.open(address("flows", "f1-", { start: "10 minutes ago", end: "now", filter: "EType = IPv6", order: "-TimeReceived", limit: 50 }));
        await page.waitForSelector('[data-test="flow"]');
        const largest = page.waitForResponse((r) => r.url().endsWith("/console/flows"));
        await page.selectOption('[data-test="order"]', "-Bytes");
        const body = await (await largest).json();
        const at = body.columns.findIndex((c) => c.name === "Bytes");
        const sizes = body.rows.map((r) => r[at]);
        assert.deepEqual(sizes, [...sizes].sort((a, b) => b - a));
        const all = page.waitForResponse((r) => r.url().endsWith("/console/flows"));
        await page.check('[data-test="all-columns"]');
        assert.ok((await (await all).json()).columns.length > 40);
        await t.shot("all");
        await page.locator('[data-test="flow"] td:has-text("::") button, [data-test="flow"] td:has-text("2a") button').first().click();
        await page.waitForSelector('[data-test="value-menu"]');
        await item(page, "All it talks with").click();
        await page.waitForURL(/\/visualize\//);
        await page.waitForSelector('[data-test="chart"][aria-busy="false"]');
        assert.match(await page.innerText('[data-test="summary"]'), /SrcAddr, DstAddr/);
    },
};
