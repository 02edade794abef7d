import assert from "node:assert/strict";
import { answered, expectInk, openVisualize, view } from "./page.mjs";

const rows = (page) => page.locator('[data-test="table"] tbody tr').count();

export const tests = {
    async "stacked, shares and lines have ink"(t) {
        const page = await openVisualize(t);
        await expectInk(page, 0.02);
        assert.ok((await rows(page)) >= 2);
        await t.shot("stacked");
        await page.click('[data-test="chart-stacked100"]');
        await expectInk(page, 0.2);
        await t.shot("shares");
        await page.click('[data-test="chart-lines"]');
        await expectInk(page, 0.002);
        await t.shot("lines");
    },

    async "the incomplete bucket is marked, not drawn"(t) {
        const page = await openVisualize(t);
        await page.waitForSelector('[data-band="incomplete"]', { state: "attached" });
    },

    async "every unit is answered"(t) {
        const page = await openVisualize(t);
        for (const unit of ["l2bps", "pps", "fps", "inl2%", "outl2%"]) {
            const { status, request } = await answered(page, () => page.selectOption('[data-test="units"]', unit));
            assert.equal(status, 200, unit);
            assert.equal(request.units, unit);
        }
        const head = await page.innerText('[data-test="table"] thead');
        assert.doesNotMatch(head, /Total/, "percentages have no total");
    },

    async "dimensions, limit, direction and previous period"(t) {
        const page = await openVisualize(t);
        await page.getByRole("button", { name: "Add a dimension" }).click();
        await page.fill('[data-test="dimension-search"]', "InIfProv");
        const two = await answered(page, () => page.keyboard.press("Enter"));
        assert.deepEqual(two.request.dimensions, ["SrcAS", "InIfProvider"]);
        assert.equal(two.body.rows[0].length, 2);
        await page.keyboard.press("Escape");
        const limited = await answered(page, async () => {
            await page.fill('[data-test="limit"]', "3");
            await page.keyboard.press("Enter");
        });
        assert.equal(limited.request.limit, 3);
        assert.ok(limited.body.rows.length <= 4, "three and Other");
        const both = await answered(page, () => page.getByLabel("the other direction").check());
        assert.ok(both.body.axis.includes(2));
        const previous = await answered(page, () => page.getByLabel("the previous period").check());
        assert.ok(previous.body.axis.includes(3));
        await expectInk(page, 0.005);
        await t.shot("all");
    },

    async "the table sorts and highlights"(t) {
        const page = await openVisualize(t);
        await expectInk(page, 0.02);
        await page.click('[data-test="sort-max"]');
        assert.equal(await page.getAttribute('th:has([data-test="sort-max"])', "aria-sort"), "descending");
        assert.match(await page.locator('[data-test="table"] tbody tr').last().innerText(), /Other/);
        await page.locator('[data-test="table"] tbody tr').first().hover();
        assert.match((await page.locator('[data-test="table"] tbody tr').first().getAttribute("class")) ?? "", /bg-sunken/);
        await t.shot("highlight");
    },

    async "hovering reads the values, arrows do as well"(t) {
        const page = await openVisualize(t);
        await expectInk(page, 0.02);
        const box = await page.locator("[data-plot]").boundingBox();
        await page.mouse.move(box.x + box.width / 2, box.y + box.height - 60);
        await page.waitForSelector('[data-test="chart"] [role="status"]');
        assert.match(await page.innerText('[data-test="chart"] [role="status"]'), /bps/);
        await t.shot("tooltip");
        await page.mouse.move(5, 5);
        await page.locator('[data-test="chart"] [role="img"]').first().focus();
        await page.keyboard.press("ArrowLeft");
        assert.match(await page.innerText('[data-test="chart"] [role="status"]'), /\d\d:\d\d/);
    },

    async "dimensions change their order, by mouse and by keyboard"(t) {
        const page = await openVisualize(t, view({ dimensions: ["SrcAS", "InIfProvider", "DstPort"] }));
        const order = () => page.locator("[data-chip]").evaluateAll((all) => all.map((e) => e.getAttribute("aria-label").split(",")[0]));
        const chip = (name) => page.locator(`[data-chip][aria-label^="${name},"]`);
        const dragged = await answered(page, () => chip("DstPort").dragTo(chip("SrcAS")));
        assert.deepEqual(dragged.request.dimensions, ["DstPort", "SrcAS", "InIfProvider"]);
        assert.deepEqual(await order(), dragged.request.dimensions);
        assert.deepEqual(dragged.body.rows[0].length, 3);
        // dropped where it was: nothing is asked
        let asked = 0;
        page.on("request", (r) => (asked += Number(r.url().includes("/graph/line"))));
        await chip("SrcAS").dragTo(chip("SrcAS"));
        await page.waitForTimeout(300);
        assert.equal(asked, 0);
        await chip("SrcAS").focus();
        const moved = await answered(page, () => page.keyboard.press("Alt+ArrowLeft"));
        assert.deepEqual(moved.request.dimensions, ["SrcAS", "DstPort", "InIfProvider"]);
        const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label").split(",")[0]);
        assert.equal(await focused(), "SrcAS", "the chip that was moved keeps the focus");
        await page.keyboard.press("ArrowRight");
        assert.equal(await focused(), "DstPort");
        const last = await answered(page, () => page.keyboard.press("Alt+ArrowRight"));
        assert.deepEqual(last.request.dimensions, ["SrcAS", "InIfProvider", "DstPort"]);
        const fewer = await answered(page, () => page.keyboard.press("Delete"));
        assert.deepEqual(fewer.request.dimensions, ["SrcAS", "InIfProvider"]);
        await page.reload();
        await page.waitForSelector('[data-test="chart"][aria-busy="false"]');
        assert.deepEqual(await order(), ["SrcAS", "InIfProvider"], "the address has the order");
    },

    async "refreshing by itself does not flicker, and a failure keeps what was there"(t) {
        t.tolerate(/status of 503/);
        const page = await t.context();
        let mode = "quick";
        await page.route("**/graph/line*", async (route) => {
            if (mode === "fails") return route.fulfill({ status: 503, contentType: "application/json", body: '{"message": "The store does not answer: tried"}' });
            const response = await route.fetch();
            if (mode === "slow") await new Promise((r) => setTimeout(r, 1500));
            return route.fulfill({ response });
        });
        await t.goto(page, view({ start: "1 hour ago" }));
        await expectInk(page, 0.05);
        await page.evaluate(() => {
            const chart = document.querySelector('[data-test="chart"]'), canvas = chart.querySelector("canvas");
            window.seen = { blank: 0, other: 0, overlay: 0, rows: new Set(), frames: 0, jumps: 0, top: document.querySelector('[data-test="table"]').getBoundingClientRect().top };
            const look = () => {
                const now = chart.querySelector("canvas"), s = window.seen;
                s.frames++;
                if (now !== canvas) s.other++;
                else if (s.frames % 4 === 0) {
                    const { data } = canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height * 0.5, 1, canvas.height * 0.4);
                    if (!data.some((v, i) => i % 4 === 3 && v > 0)) s.blank++;
                }
                if (chart.querySelector('[role="status"]')) s.overlay++;
                s.rows.add(document.querySelectorAll('[data-test="table"] tbody tr').length);
                if (Math.abs(document.querySelector('[data-test="table"]').getBoundingClientRect().top - s.top) > 1) s.jumps++;
                requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
        });
        const answerOf = () => page.waitForResponse((r) => r.url().includes("/graph/line"));
        mode = "slow";
        const first = answerOf();
        await page.selectOption('select[aria-label="Refresh"]', "5");
        await first;
        await answerOf();
        await page.waitForTimeout(300);
        const seen = await page.evaluate(() => ({ ...window.seen, rows: [...window.seen.rows] }));
        assert.ok(seen.frames > 20, `${seen.frames} frames`);
        assert.deepEqual([seen.blank, seen.other, seen.overlay, seen.jumps], [0, 0, 0, 0], JSON.stringify(seen));
        assert.equal(seen.rows.length, 1, `rows came and went: ${seen.rows}`);
        mode = "fails";
        await page.waitForSelector('[data-test="stale"]');
        assert.match(await page.innerText('[data-test="stale"]'), /Not refreshed: The store does not answer/);
        await expectInk(page, 0.05);
        mode = "quick";
        await page.waitForSelector('[data-test="stale"]', { state: "detached" });
    },

    async "dragging zooms, back returns"(t) {
        const page = await openVisualize(t);
        await expectInk(page, 0.02);
        const before = page.url();
        const box = await page.locator("[data-plot]").boundingBox();
        const { request } = await answered(page, async () => {
            await page.mouse.move(box.x + box.width * 0.4, box.y + 80);
            await page.mouse.down();
            await page.mouse.move(box.x + box.width * 0.6, box.y + 90, { steps: 5 });
            await page.mouse.up();
        });
        const hours = (Date.parse(request.end) - Date.parse(request.start)) / 3.6e6;
        assert.ok(hours > 1 && hours < 1.7, `${hours} hours of six`);
        await answered(page, () => page.goBack());
        assert.equal(page.url(), before);
    },

    async "time in words"(t) {
        const page = await openVisualize(t);
        await page.click('[data-test="range"]');
        await page.fill('[data-test="start"]', "90 minutes ago");
        const { request } = await answered(page, () => page.keyboard.press("Enter"));
        const minutes = (Date.parse(request.end) - Date.parse(request.start)) / 60_000;
        assert.ok(Math.abs(minutes - 90) < 1, `${minutes} minutes`);
        await page.click('[data-test="range"]');
        await page.fill('[data-test="start"]', "the other day");
        assert.ok(await page.getByRole("button", { name: "Show this range" }).isDisabled());
        await t.shot("time");
    },

    async "what went wrong is said, with what helps"(t) {
        t.tolerate(/status of (400|503)/);
        const page = await t.context();
        let away = true;
        await page.route("**/graph/line*", (route) =>
            away ? route.fulfill({ status: 503, contentType: "application/json", body: '{"message": "The store cannot answer now: too many questions"}' }) : route.continue());
        await t.goto(page, view({ filter: "InIfBoundary = nothing" }));
        const said = (words) => page.locator('[data-test="error"]', { hasText: words }).waitFor();
        await said("The store cannot answer now");
        away = false;
        await page.locator('[data-test="error"]').getByRole("button", { name: "Try again" }).click();
        await said("This question has a mistake");
        assert.equal(await page.locator('[data-test="error"]').getByRole("button", { name: "Try again" }).count(), 0, "the same again would be the same mistake");
        await page.getByRole("button", { name: "Edit the filter" }).click();
        await page.waitForFunction(() => document.querySelector('[data-test="filter"]')?.shadowRoot?.activeElement?.matches(".cm-content"));
    },

    async "a time before everything is not known, rather than empty"(t) {
        const page = await openVisualize(t, view({ start: "2020-01-01", end: "2020-01-02" }));
        await page.locator('[data-test="chart"]', { hasText: "Nothing is known of this time" }).waitFor();
    },

    async "a slow question can be cancelled"(t) {
        const page = await openVisualize(t);
        await expectInk(page, 0.02);
        await page.route("**/graph/line*", async (route) => {
            await new Promise((r) => setTimeout(r, 60_000)); // longer than it takes to cancel it
            await route.continue().catch(() => {});
        });
        const gone = page.waitForEvent("requestfailed");
        await page.selectOption('[data-test="units"]', "pps");
        await page.click('[data-test="cancel"]');
        await gone;
        assert.equal(await page.getAttribute('[data-test="chart"]', "aria-busy"), "false");
    },
};
