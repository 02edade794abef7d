import assert from "node:assert/strict";
import { answered, expectInk, openVisualize } from "./page.mjs";

export const tests = {
    async "a shared address shows the same view"(t) {
        const page = await openVisualize(t);
        await page.click('[data-test="chart-lines"]');
        const mine = await answered(page, () => page.selectOption('[data-test="units"]', "pps"));
        const address = page.url();
        const other = await t.open(address);
        await expectInk(other, 0.002);
        assert.equal(await other.inputValue('[data-test="units"]'), "pps");
        assert.equal(await other.getAttribute('[data-test="chart-lines"]', "aria-checked"), "true");
        assert.equal(mine.request.units, "pps");
        await t.shot("opened");
    },

    async "a damaged address says so and still shows something"(t) {
        const page = await openVisualize(t, "visualize/v1-broken");
        assert.match(await page.innerText('[data-test="note"]'), /address/);
        await expectInk(page, 0.02);
    },

    async "an unknown page has a way back"(t) {
        t.tolerate(/status of 404/);
        const page = await t.open("no/such/page");
        await page.getByRole("link", { name: "Go to the home page" }).click();
        await page.waitForSelector('[data-test="flow-rate"]');
    },

    async "an upgrade under an open page is survived"(t) {
        t.tolerate(/status of 404|dynamically imported module/);
        const page = await t.open();
        await page.waitForSelector('[data-test="flow-rate"]');
        let gone = 0;
        await page.route("**/assets/VisualizePage-*.js", (route) => (gone++ === 0 ? route.fulfill({ status: 404 }) : route.continue()));
        await page.click('nav a:has-text("Visualize")');
        await page.waitForFunction(() => sessionStorage.getItem("weir-reloaded") !== null);
        await page.waitForSelector('[data-test="flow-rate"], [data-test="chart"]');
        await page.click('nav a:has-text("Visualize")');
        await page.waitForSelector('[data-test="chart"]');
    },
};
