/* The same picture for the screen (paths in the page) and for export (a pen). */
import { Path, type Pen } from "../base/pen";
import { chartInk, otherColor, valueColors, type Theme } from "@/lib/palette";
import type { Units } from "@/api/types";
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
export const nodeLabel = (n: Node): string => n.value || "(empty)";

/** Labels stand right of their node, those of the last column left of it. */
export function labelAt(n: Node, layout: SankeyLayout): { x: number; y: number; left: boolean } {
    const left = n.column > 0 && n.column === layout.columns.length - 1;
    return { x: left ? n.x - 7 : n.x + layout.nodeWidth + 7, y: n.y + n.height / 2, left };
}

/** A node too thin for a line of text has its label only when it is pointed at. */
export const labelled = (n: Node): boolean => n.height >= 9;

export function fit(text: string, width: number, size = 12): string {
    const most = Math.max(3, Math.floor(width / (size * 0.54)));
    return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

export function paintSankey(pen: Pen, layout: SankeyLayout, theme: Theme, units: Units, width: number): void {
    const ink = chartInk[theme], colors = colorsOf(layout, theme);
    const room = layout.columns.length > 1 ? width / (layout.columns.length - 1) - layout.nodeWidth - 20 : width;
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
            pen.text(at.x, at.y, fit(`${nodeLabel(n)}  ${formatRate(n.amount, units)}`, room), { color: ink.strong, size: 12, align: at.left ? "right" : "left" });
        }
    }
}

