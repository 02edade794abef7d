/* ECharts with only what the charts over time use; loaded when the first chart is shown. */
import { LineChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use, type ECharts } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([LineChart, GridComponent, CanvasRenderer]);

export const create = (element: HTMLElement): ECharts => init(element, null, { renderer: "canvas" });
export type { ECharts };
