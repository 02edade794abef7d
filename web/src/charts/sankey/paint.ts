/* The same picture for the screen (paths in the page) and for export (a pen). */
import { FONT, Path, type Pen } from "../base/pen";
import { chartInk, otherColor, valueColors, type Theme } from "@/lib/palette";
import type { Units } from "@/api/types";
import { fitText, legible, textWidth } from "@/lib/legible";
import { formatRate } from "@/lib/units";
import { ribbonEdges, type Node, type Ribbon, type SankeyLayout } from "./layout";

export function ribbonPath(r: Ribbon): Path {
    const { x0, x1, middle, half } = ribbonEdges(r);
    return new Path()
        .move(x0, r.from - half)
        .curve(middle, r.from - half, middle, r.to - half, x1, r.to - half)
        .line(x1, r.to + half)
        .curve(middle, r.to + half, middle, r.from + half, x0, r.from + half)
        .close();
}

/** One colour per value, whichever column it is in; the largest choose first. */
export function colorsOf(layout: SankeyLayout, theme: Theme): Map<string, string> {
    const nodes = layout.halves.flatMap((h) => h.nodes).filter((n) => !n.other).sort((a, b) => b.amount - a.amount);
    const values = [...new Set(nodes.map((n) => n.value))];
    const colors = valueColors(values, theme);
    return new Map([["Other", otherColor(theme)], ...values.map((v, i): [string, string] => [v, colors[i]!])]);
}
export const nodeLabel = (n: Node): string => legible(n.value) || "(empty)";

/** Labels stand right of their node, those of the last column left of it. */
export function labelAt(n: Node, layout: SankeyLayout): { x: number; y: number; left: boolean } {
    const left = n.column > 0 && n.column === layout.columns.length - 1;
    return { x: left ? n.x - 7 : n.x + layout.nodeWidth + 7, y: n.y + n.height / 2, left };
}

/** A node too thin for a line of text has its label only when it is pointed at. */
export const labelled = (n: Node): boolean => n.height >= 9;

/** A label with its amount, or without it where there is no room for both: the name says more, and pointing at the node tells
 * the rest. The last two columns share a gap. */
export function labelText(n: Node, layout: SankeyLayout, width: number, units: Units): { name: string; amount: string } {
    const { columns, nodeWidth } = layout, last = columns.length - 1;
    const begin = Math.min(n.column, last - 1);
    const gap = last > 0 ? columns[begin + 1]!.x - columns[begin]!.x - nodeWidth : width;
    const room = (last > 0 && n.column >= last - 1 ? gap / 2 : gap) - 18;
    const name = nodeLabel(n), amount = formatRate(n.amount, units);
    const both = textWidth(name, 12, FONT) + 8 + textWidth(amount, 12, FONT) <= room;
    return both ? { name, amount } : { name: fitText(name, room, 12, FONT), amount: "" };
}

export function paintSankey(pen: Pen, layout: SankeyLayout, theme: Theme, units: Units, width: number): void {
    const ink = chartInk[theme], colors = colorsOf(layout, theme);
    layout.columns.forEach((c, i) => {
        const last = i > 0 && i === layout.columns.length - 1;
        pen.text(last ? c.x + layout.nodeWidth : c.x, 8, c.name, { color: ink.text, size: 11, weight: 600, align: last ? "right" : "left" });
    });
    for (const half of layout.halves) {
        if (layout.halves.length > 1) {
            pen.text(0, half.top - 10, `${half.name} · ${formatRate(half.total, units)}`, { color: ink.text, size: 11, weight: 600 });
        }
        for (const r of half.ribbons) pen.path(ribbonPath(r), { fill: colors.get(r.source.value)!, alpha: 0.35 });
        for (const n of half.nodes) {
            pen.rect(n.x, n.y, layout.nodeWidth, n.height, { fill: colors.get(n.value)! });
            if (!labelled(n)) continue;
            const at = labelAt(n, layout);
            const text = labelText(n, layout, width, units);
            pen.text(at.x, at.y, `${text.name}  ${text.amount}`.trimEnd(), { color: ink.strong, size: 12, align: at.left ? "right" : "left" });
        }
    }
}

