/* Where the nodes and ribbons of a flow from dimension to dimension go. One column per dimension; a node is a value in
 * its dimension; a ribbon joins two neighbours and knows which rows of the answer pass through it. */
import type { SankeyAnswer } from "@/api/types";

export interface Node {
    column: number;
    value: string;
    other: boolean;
    amount: number;
    x: number;
    y: number;
    height: number;
    /** Rows of the answer that pass. */
    rows: number[];
}

export interface Ribbon {
    source: Node;
    target: Node;
    amount: number;
    /** Middle of the ribbon's end at each side. */
    from: number;
    to: number;
    thickness: number;
    rows: number[];
}

export interface Half {
    axis: number;
    name: string;
    total: number;
    top: number;
    bottom: number;
    nodes: Node[];
    ribbons: Ribbon[];
}

export interface SankeyLayout {
    columns: { name: string; x: number }[];
    halves: Half[];
    nodeWidth: number;
}

export interface Frame {
    width: number;
    height: number;
    /** Room at the top for the dimensions' names. */
    head: number;
}

const NODE_WIDTH = 12;
/** The last gap has the labels of two columns, those before it of one. */
const LAST_GAP = 1.6;
const HALF_GAP = 34;

interface Rows {
    rows: readonly string[][];
    xps: readonly number[];
    /** Index into the answer of each. */
    index: readonly number[];
}

function nodesOf(data: Rows, columns: number): Node[][] {
    return Array.from({ length: columns }, (_, column) => {
        const nodes = new Map<string, Node>();
        data.rows.forEach((row, i) => {
            const value = row[column] ?? "";
            const node = nodes.get(value) ?? { column, value, other: value === "Other", amount: 0, x: 0, y: 0, height: 0, rows: [] };
            node.amount += data.xps[i]!;
            node.rows.push(data.index[i]!);
            nodes.set(value, node);
        });
        return [...nodes.values()].filter((n) => n.amount > 0).sort(byAmount);
    });
}

/** "Other" is not one of the values: it stays at the end. */
const byAmount = (a: Node, b: Node): number => Number(a.other) - Number(b.other) || b.amount - a.amount || a.value.localeCompare(b.value);

function ribbonsOf(data: Rows, columns: Node[][]): Ribbon[] {
    const ribbons: Ribbon[] = [];
    for (let c = 0; c + 1 < columns.length; c++) {
        const left = new Map(columns[c]!.map((n) => [n.value, n])), right = new Map(columns[c + 1]!.map((n) => [n.value, n]));
        const found = new Map<string, Ribbon>();
        data.rows.forEach((row, i) => {
            const source = left.get(row[c] ?? ""), target = right.get(row[c + 1] ?? "");
            if (!source || !target || !(data.xps[i]! > 0)) return;
            const key = `${source.value}\u0000${target.value}`;
            const ribbon = found.get(key) ?? { source, target, amount: 0, from: 0, to: 0, thickness: 0, rows: [] };
            ribbon.amount += data.xps[i]!;
            ribbon.rows.push(data.index[i]!);
            found.set(key, ribbon);
        });
        ribbons.push(...found.values());
    }
    return ribbons;
}

const middle = (n: Node): number => n.y + n.height / 2;

function place(columns: Node[][], top: number, height: number): number {
    const total = Math.max(...columns.map((nodes) => nodes.reduce((sum, n) => sum + n.amount, 0)), 0);
    const most = Math.max(1, ...columns.map((nodes) => nodes.length));
    const gap = most > 1 ? Math.min(14, (0.35 * height) / (most - 1)) : 0;
    const scale = total > 0 ? (height - gap * (most - 1)) / total : 0;
    for (const nodes of columns) {
        let y = top;
        for (const n of nodes) {
            n.height = Math.max(1, n.amount * scale);
            n.y = y;
            y += n.height + gap;
        }
    }
    return scale;
}

/** A column's order follows where its neighbours lie, so that few ribbons cross. */
function untangle(columns: Node[][], ribbons: Ribbon[], top: number, height: number): void {
    const pull = (n: Node, side: "source" | "target"): number => {
        const other = side === "source" ? "target" : "source";
        let sum = 0, weight = 0;
        for (const r of ribbons) {
            if (r[side] !== n) continue;
            sum += middle(r[other]) * r.amount;
            weight += r.amount;
        }
        return weight > 0 ? sum / weight : middle(n);
    };
    const settle = (nodes: Node[], side: "source" | "target") => {
        const wanted = new Map(nodes.map((n) => [n, pull(n, side)]));
        nodes.sort((a, b) => Number(a.other) - Number(b.other) || wanted.get(a)! - wanted.get(b)!);
        place(columns, top, height);
    };
    for (let sweep = 0; sweep < 3; sweep++) {
        for (let c = 1; c < columns.length; c++) settle(columns[c]!, "target");
        for (let c = columns.length - 2; c > 0; c--) settle(columns[c]!, "source");
    }
}

function attach(nodes: Node[], ribbons: Ribbon[], scale: number): void {
    for (const r of ribbons) r.thickness = Math.max(0.75, r.amount * scale);
    for (const n of nodes) {
        let out = n.y, into = n.y;
        const leaving = ribbons.filter((r) => r.source === n).sort((a, b) => a.target.y - b.target.y);
        for (const r of leaving) {
            r.from = out + r.thickness / 2;
            out += r.amount * scale;
        }
        const coming = ribbons.filter((r) => r.target === n).sort((a, b) => a.source.y - b.source.y);
        for (const r of coming) {
            r.to = into + r.thickness / 2;
            into += r.amount * scale;
        }
    }
}

export function layoutSankey(answer: SankeyAnswer, dimensions: readonly string[], frame: Frame): SankeyLayout {
    const n = dimensions.length;
    const last = n > 2 ? LAST_GAP : 1;
    const x = (c: number) => (n > 1 ? ((c < n - 1 ? c : n - 2 + last) / (n - 2 + last)) * (frame.width - NODE_WIDTH) : 0);
    const axes = [...new Set(answer.axis)].sort((a, b) => a - b);
    const room = (frame.height - frame.head - HALF_GAP * Math.max(0, axes.length - 1)) / Math.max(1, axes.length);
    const halves = axes.map((axis, h): Half => {
        const index = answer.axis.flatMap((a, i) => (a === axis ? [i] : []));
        const data = { index, rows: index.map((i) => answer.rows[i]!), xps: index.map((i) => answer.xps[i]!) };
        const columns = nodesOf(data, n);
        const ribbons = ribbonsOf(data, columns);
        const top = frame.head + h * (room + HALF_GAP);
        place(columns, top, room);
        untangle(columns, ribbons, top, room);
        const scale = place(columns, top, room);
        const nodes = columns.flat();
        for (const node of nodes) node.x = x(node.column);
        attach(nodes, ribbons, scale);
        const total = data.xps.reduce((a, b) => a + b, 0);
        return { axis, name: answer["axis-names"]?.[axis] ?? "", total, top, bottom: top + room, nodes, ribbons };
    });
    return { columns: dimensions.map((name, c) => ({ name, x: x(c) })), halves, nodeWidth: NODE_WIDTH };
}

/** The outline of a ribbon as the numbers of two curves. */
export function ribbonEdges(r: Ribbon): { x0: number; x1: number; middle: number; half: number } {
    const x0 = r.source.x + NODE_WIDTH, x1 = r.target.x;
    return { x0, x1, middle: (x0 + x1) / 2, half: r.thickness / 2 };
}
