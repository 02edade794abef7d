import assert from "node:assert/strict";
import { answered, expectInk, openVisualize } from "./page.mjs";

async function type(page, text) {
    await page.click(".cm-content");
    await page.keyboard.press("Control+a");
    await page.keyboard.press("Delete");
    await page.keyboard.type(text);
    await page.keyboard.press("Escape"); // closes the completion, if any
}

export const tests = {
    async "a wrong filter is underlined where it is wrong"(t) {
        t.tolerate(/status of 400/);
        const page = await openVisualize(t);
        await type(page, "SrcAS = AS15169 AND Nonsense = 3");
        await page.waitForSelector(".cm-lintRange-error");
        assert.equal(await page.innerText(".cm-lintRange-error"), "Nonsense");
        assert.ok((await page.innerText('[data-test="filter-problem"]')).length > 5);
        await t.shot("underlined");
        const { status } = await answered(page, () => page.keyboard.press("Control+Enter"));
        assert.equal(status, 400);
        assert.ok((await page.innerText('[data-test="error"]')).length > 20);
        await t.shot("refused");
    },

    async "a right one is applied with Ctrl-Enter"(t) {
        const page = await openVisualize(t);
        await type(page, "EType = IPv4 -- no more");
        const { status, request } = await answered(page, () => page.keyboard.press("Control+Enter"));
        assert.equal(status, 200);
        assert.equal(request.filter, "EType = IPv4 -- no more");
        assert.equal(await page.locator(".cm-lintRange-error").count(), 0);
        await expectInk(page, 0.02);
        assert.match(await page.title(), /EType = IPv4/);
    },

    async "columns and operators are completed"(t) {
        const page = await openVisualize(t);
        await type(page, "");
        await page.keyboard.type("InIfPro");
        await page.waitForSelector(".cm-tooltip-autocomplete li");
        await t.shot("columns");
        await page.keyboard.press("Control+Space");
        await page.waitForTimeout(1000); // it is asked for anew, and taken only when it has stood there for a moment
        await page.keyboard.press("Enter");
        assert.match(await page.innerText(".cm-content"), /^InIfProvider/);
        await page.keyboard.press("Control+Space");
        await page.waitForSelector(".cm-tooltip-autocomplete li");
        assert.match(await page.innerText(".cm-tooltip-autocomplete"), /!=/);
    },

    async "a filter is saved, found again and deleted"(t) {
        const page = await openVisualize(t);
        await type(page, "EType = IPv6");
        const name = `test ${Date.now()}`;
        await page.getByRole("button", { name: "Saved filters" }).click();
        await page.getByLabel("Name for the current filter").fill(name);
        await page.getByRole("button", { name: "Save", exact: true }).click();
        const entry = page.getByRole("button", { name: new RegExp(`^${name}`) });
        await entry.waitFor();
        await t.shot("saved");
        const { request } = await answered(page, () => entry.click());
        assert.equal(request.filter, "EType = IPv6");
        await page.getByRole("button", { name: "Saved filters" }).click();
        await page.getByRole("button", { name: `Delete ${name}` }).click();
        await entry.waitFor({ state: "detached" });
    },
};
