/* The four views that weir has to be able to show from its first day. */
import assert from "node:assert/strict";
import { answered, expectInk, view } from "./page.mjs";

const COGENT = 'InIfBoundary = external AND InIfProvider = "cogent"';

async function show(t, state, path) {
    let page;
    const answer = await answered((page = await t.context()), () => t.goto(page, view({ start: "24 hours ago", ...state })), path);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return { page, ...answer };
}

export const tests = {
    async "source AS stacked, external interfaces, then of one provider"(t) {
        const all = await show(t, { graphType: "stacked", filter: "InIfBoundary = external" });
        await expectInk(all.page, 0.1);
        const names = await all.page.locator('[data-test="table"] [data-test="value"]').allInnerTexts();
        assert.ok(names.some((n) => /^15169: Google$/.test(n.trim())), names.join());
        assert.equal(all.body.rows.at(-1)[0], "Other");
        const cogent = await show(t, { graphType: "stacked", filter: COGENT });
        await expectInk(cogent.page, 0.1);
        const sum = (body) => body.average.reduce((a, b) => a + b, 0);
        assert.ok(sum(cogent.body) > 0 && sum(cogent.body) < sum(all.body), "a provider has a part of the whole");
        await t.shot("stacked");
    },

    async "the same as lines"(t) {
        const { page, body } = await show(t, { graphType: "lines", filter: COGENT });
        assert.ok(body.rows.length >= 5);
        await expectInk(page, 0.005);
        await t.shot("lines");
    },

    async "IP version of two AS with its numbers"(t) {
        const { page, body } = await show(t, { graphType: "stacked", dimensions: ["EType"], filter: "InIfBoundary = external AND SrcAS IN (AS15169, AS36040)" });
        assert.deepEqual(body.rows.map((r) => r[0]).sort(), ["IPv4", "IPv6"]);
        const head = await page.innerText('[data-test="table"] thead');
        for (const column of ["EType", "Min", "Max", "Average", "95th"]) assert.ok(head.includes(column), column);
        for (const [i, row] of body.rows.entries()) {
            assert.ok(body.min[i] > 0 && body.min[i] <= body.average[i] && body.average[i] <= body["95th"][i] && body["95th"][i] <= body.max[i], row[0]);
        }
        const row = await page.locator('[data-test="table"] tbody tr', { hasText: "IPv6" }).innerText();
        assert.match(row, /[MG]bps/);
        await expectInk(page, 0.1);
        await t.shot("etype");
    },

    async "sankey from source AS over provider and connectivity to port"(t) {
        const dimensions = ["SrcAS", "InIfProvider", "InIfConnectivity", "SrcPort"];
        const { page, body } = await show(t, { graphType: "sankey", dimensions, filter: "InIfBoundary = external" }, "/graph/sankey");
        const heads = await page.locator('[data-test="sankey"] > g > text').allTextContents();
        assert.deepEqual(heads.map((h) => h.trim()), dimensions);
        const nodes = await page.locator("[data-node]").evaluateAll((all) => all.map((n) => n.getAttribute("aria-label")));
        assert.ok(nodes.some((n) => /^SrcAS \d+: (Netflix|Google|YouTube)/.test(n)), nodes.join("; "));
        assert.ok(nodes.some((n) => /^SrcAS Other/.test(n)) && nodes.some((n) => /^InIfProvider cogent/.test(n)) && nodes.some((n) => /^SrcPort 443/.test(n)), nodes.join("; "));
        const drawn = await page.locator("[data-ribbon]").evaluateAll((all) => all.filter((p) => p.getBBox().width > 20 && p.getBBox().height > 0.5).length);
        assert.ok(drawn >= 8, `${drawn} ribbons`);
        const shown = nodes.filter((n) => n.startsWith("SrcAS")).length;
        assert.equal(shown, new Set(body.rows.map((r) => r[0])).size);
        await t.shot("sankey", { fullPage: true });
    },
};
