import assert from "node:assert/strict";

export const tests = {
    async "pages of the documentation link to one another"(t) {
        const page = await t.open();
        await page.click('nav a:has-text("Docs")');
        await page.waitForSelector('[data-test="docs"] h1');
        await page.locator('nav[aria-label="Documentation"] a[href$="/docs/usage"]').click();
        await page.waitForFunction(() => document.querySelectorAll('nav[aria-label="Documentation"] a[aria-current="page"]').length === 1);
        assert.match(page.url(), /\/docs\/usage$/);
        await page.waitForSelector('[data-test="docs"] h2#visualize');
        await t.shot("page", { fullPage: true });
    },

    async "words are found in all pages"(t) {
        const page = await t.open("docs/introduction");
        await page.waitForSelector('[data-test="docs"] h1');
        await page.fill('[data-test="docs-search"]', "filter language");
        await page.waitForSelector('[data-test="docs-hits"] a');
        await t.shot("search");
        await page.keyboard.press("Enter");
        await page.waitForURL(/docs\/console(#|$)/);
        await page.waitForSelector('[data-test="docs"] h1:has-text("filter language")');
    },

    async "an anchor is scrolled to, also in a shared address"(t) {
        const page = await t.open("docs/usage#visualize");
        await page.waitForSelector('[data-test="docs"] h2');
        assert.match(await page.title(), /weir/);
        await page.waitForFunction(() => document.querySelector("#visualize")?.getBoundingClientRect().top < 500);
    },
};
