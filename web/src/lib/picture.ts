/* A chart as a file: with its title, its legend and where it comes from, so that it explains itself in a report. */
import type { Picture } from "@/charts/base/pick";
import { CanvasPen, SvgPen, type Pen } from "@/charts/base/pen";
import { chartInk, type Theme } from "./palette";

export interface Caption {
    title: string;
    lines: string[];
    legend: { label: string; color: string; text: string }[];
    foot: string;
}

const PAD = 20, LEGEND_ROW = 18, COLUMN = 300;

interface Sheet {
    width: number;
    height: number;
    paint(pen: Pen): void;
}

const cut = (s: string, width: number, size: number): string => {
    const most = Math.floor(width / (size * 0.55));
    return s.length > most ? `${s.slice(0, most - 1)}…` : s;
};

export function sheet(picture: Picture, caption: Caption, theme: Theme): Sheet {
    const ink = chartInk[theme];
    const inner = Math.max(picture.width, 480), width = inner + 2 * PAD;
    const head = 24 + caption.lines.length * 17 + 10;
    const columns = Math.max(1, Math.floor(inner / COLUMN));
    const rows = Math.ceil(caption.legend.length / columns);
    const legendTop = PAD + head + picture.height + 12;
    const height = legendTop + rows * LEGEND_ROW + (rows > 0 ? 10 : 0) + 16 + PAD;
    return {
        width, height,
        paint(pen) {
            pen.rect(0, 0, width, height, { fill: ink.surface });
            pen.text(PAD, PAD + 8, cut(caption.title, inner, 16), { color: ink.strong, size: 16, weight: 600 });
            caption.lines.forEach((line, i) => pen.text(PAD, PAD + 32 + i * 17, cut(line, inner, 12), { color: ink.text, size: 12 }));
            pen.within(PAD, PAD + head, () => picture.paint(pen), { width: picture.width, height: picture.height });
            caption.legend.forEach((entry, i) => {
                const x = PAD + (i % columns) * (inner / columns), y = legendTop + Math.floor(i / columns) * LEGEND_ROW + 9;
                const room = inner / columns - 16;
                pen.rect(x, y - 5, 10, 10, { fill: entry.color });
                pen.text(x + 16, y, cut(entry.label, room - entry.text.length * 6.6 - 20, 12), { color: ink.strong, size: 12 });
                pen.text(x + room - 8, y, entry.text, { color: ink.text, size: 12, align: "right" });
            });
            pen.text(PAD, height - PAD, cut(caption.foot, inner, 11), { color: ink.text, size: 11 });
        },
    };
}

export function svgOf(s: Sheet): string {
    const pen = new SvgPen();
    s.paint(pen);
    return pen.document(s.width, s.height);
}

/** Twice as fine as the screen: reports are printed. */
export function pngOf(s: Sheet): Promise<Blob> {
    const canvas = document.createElement("canvas");
    canvas.width = s.width * 2;
    canvas.height = s.height * 2;
    const context = canvas.getContext("2d")!;
    context.scale(2, 2);
    s.paint(new CanvasPen(context));
    return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no picture"))), "image/png"));
}

export function save(name: string, content: Blob | string, type: string): void {
    const url = URL.createObjectURL(typeof content === "string" ? new Blob([content], { type }) : content);
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
