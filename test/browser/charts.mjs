import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { answered, expectInk, openVisualize, view } from "./page.mjs";

async function exported(page, format) {
    await page.getByRole("button", { name: "Export" }).click();
    const download = page.waitForEvent("download");
    await page.click(`[data-test="export-${format}"]`);
    const file = await download;
    assert.match(file.suggestedFilename(), new RegExp(`^weir-SrcAS-\\d{8}-\\d{4}\\.${format}$`));
    return readFileSync(await file.path());
}

export const tests = {
    async "a small chart for each value"(t) {
        const page = await openVisualize(t, view({ graphType: "grid", bidirectional: true }));
        await page.waitForSelector('[data-test="chart"] li canvas');
        const cells = await page.locator('[data-test="chart"] li').count();
        assert.ok(cells >= 8, `${cells} cells`);
        await expectInk(page, 0.05);
        await page.check('[data-test="same-scale"]');
        await t.shot("grid");
    },

    async "a heat map reads values"(t) {
        const page = await openVisualize(t, view({ graphType: "heatmap" }));
        await expectInk(page, 0.3);
        const box = await page.locator("[data-plot]").boundingBox();
        await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
        await page.waitForSelector('[data-test="chart"] [role="status"]');
        assert.match(await page.innerText('[data-test="chart"] [role="status"]'), /bps/);
        await t.shot("heatmap");
    },

    async "a sankey needs two dimensions, and has two halves for two directions"(t) {
        const page = await openVisualize(t, view({ graphType: "stacked" }));
        await page.click('[data-test="chart-sankey"]');
        await page.waitForSelector('[data-test="lacking"]');
        await page.getByRole("button", { name: "Add a dimension" }).click();
        await page.fill('[data-test="dimension-search"]', "InIfProv");
        await answered(page, () => page.keyboard.press("Enter"), "/graph/sankey");
        await page.keyboard.press("Escape");
        const both = await answered(page, () => page.getByLabel("the other direction").check(), "/graph/sankey");
        assert.deepEqual([...new Set(both.body.axis)].sort(), [1, 2]);
        const halves = await page.locator("[data-node]").evaluateAll((all) => {
            const of = (name) => all.filter((n) => n.getAttribute("aria-label").startsWith(`SrcAS ${name}`)).map((n) => n.getBoundingClientRect().top);
            return of("Other");
        });
        assert.equal(halves.length, 2);
        assert.ok(Math.abs(halves[0] - halves[1]) > 60, "one half above the other");
        await page.locator("[data-node]").first().hover();
        await page.waitForSelector('[data-test="chart"] [role="status"]');
        await t.shot("sankey");
    },

    async "series are hidden and shown alone"(t) {
        const page = await openVisualize(t, view({ graphType: "stacked" }));
        const full = await expectInk(page, 0.05);
        await page.locator('[data-test="swatch"]').first().click();
        assert.equal(await page.locator('[data-test="swatch"]').first().getAttribute("aria-checked"), "false");
        await page.waitForSelector('[data-test="show-all"]');
        await page.locator('[data-test="value"]').nth(2).click();
        await page.getByRole("button", { name: "Show alone" }).click();
        assert.equal(await page.locator('[data-test="swatch"][aria-checked="true"]').count(), 1);
        await page.waitForTimeout(100);
        await t.shot("alone");
        await page.click('[data-test="show-all"]');
        const again = await expectInk(page, 0.05);
        assert.ok(Math.abs(full - again) < 0.05, `${full} and ${again}`);
    },

    async "a value keeps its colour from chart to chart"(t) {
        const page = await openVisualize(t, view({ graphType: "stacked" }));
        const colors = () =>
            page.locator('[data-test="table"] tbody tr').evaluateAll((rows) =>
                rows.map((r) => [r.querySelector('[data-test="value"]')?.textContent, r.querySelector('[data-test="swatch"] span')?.style.borderColor]).filter((r) => r[0] && r[1]));
        const before = new Map(await colors());
        await answered(page, () => page.selectOption('[data-test="units"]', "pps"));
        const after = new Map(await colors());
        const common = [...before.keys()].filter((k) => after.has(k));
        assert.ok(common.length >= 3);
        for (const name of common) assert.equal(after.get(name), before.get(name), name);
        assert.equal(new Set(before.values()).size, before.size, "each its own");
    },

    async "views leave as CSV, JSON, SVG and PNG"(t) {
        const page = await openVisualize(t, view({ graphType: "stacked" }));
        await expectInk(page, 0.05);
        const csv = (await exported(page, "csv")).toString().trim().split("\r\n");
        assert.match(csv[0], /^Time \(UTC\),/);
        assert.ok(csv.length > 50 && csv[10].split(",").length >= 10);
        const json = JSON.parse(await exported(page, "json"));
        assert.deepEqual(json.question.dimensions, ["SrcAS"]);
        assert.equal(json.answer.points.length, json.answer.rows.length);
        const svg = (await exported(page, "svg")).toString();
        assert.match(svg, /^<svg xmlns/);
        assert.ok(svg.includes("Top 10 SrcAS by average") && svg.includes("Netflix") && svg.match(/<path/g).length > 20);
        const png = await exported(page, "png");
        assert.equal(png.subarray(1, 4).toString(), "PNG");
        assert.ok(png.readUInt32BE(16) > 1200 && png.length > 20_000, `${png.readUInt32BE(16)} pixels, ${png.length} bytes`);
    },

    async "losses and gaps are marked"(t) {
        const page = await t.context();
        await page.route("**/graph/line*", async (route) => {
            const response = await route.fetch();
            const body = await response.json();
            const at = (part) => body.t[Math.floor(body.t.length * part)];
            body.missing = [{ start: at(0.3), end: at(0.4), reason: "no telemetry was received" }];
            body.losses = [{ start: at(0.6), end: at(0.7), reason: "the kernel dropped datagrams", share: 0.12 }];
            await route.fulfill({ response, json: body });
        });
        await t.goto(page, view({ graphType: "stacked" }));
        await page.waitForSelector('[data-band="missing"]', { state: "attached" });
        await page.waitForSelector('[data-band="loss"]', { state: "attached" });
        const notes = (await page.locator('[data-test="note"]').allInnerTexts()).join("\n");
        assert.match(notes, /no telemetry was received/);
        assert.match(notes, /12\.0\s%.*kernel dropped/);
        await t.shot("marked");
    },
};
