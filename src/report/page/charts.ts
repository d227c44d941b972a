// SPDX-License-Identifier: MIT
import {BarChart, HeatmapChart, LineChart} from 'echarts/charts'
import {GridComponent, LegendComponent, MarkLineComponent, VisualMapComponent} from 'echarts/components'
import {type EChartsCoreOption, init, use} from 'echarts/core'
import {SVGRenderer} from 'echarts/renderers'
import {visible} from '../../lib/visible.ts'
import {formatNs} from '../measure.ts'
import type {Chart} from './blocks.ts'

use([
  BarChart,
  HeatmapChart,
  LineChart,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  VisualMapComponent,
  SVGRenderer,
])

export interface Picture {
  readonly svg: string
  readonly width: number
  readonly height: number
}

const WIDTH = 960

/** The colours, which the page defines for light and for dark: see COLOURS. */
const [TEXT, GRID, BASE, LIMIT, NONE] = ['text', 'grid', 'base', 'limit', 'none'].map(
  (name) => `var(--${name})`,
)
const LINES = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `var(--line${number})`)
const HEAT = [1, 2, 3, 4].map((number) => `var(--heat${number})`)

const variables = (colours: Readonly<Record<string, string>>) =>
  Object.entries(colours)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(';')

/** Style sheet of the colours: Okabe and Ito's for lines, which the colour-blind can tell apart. */
export const COLOURS = `:root{color-scheme:light dark;${variables({
  text: '#222',
  paper: '#fff',
  grid: '#ddd',
  base: '#777',
  limit: '#c00',
  none: '#bbb',
  line1: '#0072b2',
  line2: '#d55e00',
  line3: '#009e73',
  line4: '#cc79a7',
  line5: '#b8860b',
  line6: '#56b4e9',
  line7: '#000',
  line8: '#7b4f9e',
  heat1: '#fdd49e',
  heat2: '#fc8d59',
  heat3: '#d7301f',
  heat4: '#7f0000',
})}}
@media screen and (prefers-color-scheme:dark){:root{${variables({
  text: '#ddd',
  paper: '#16181c',
  grid: '#3a3d44',
  base: '#999',
  limit: '#ff6b6b',
  none: '#4a4d55',
  line1: '#4da6e0',
  line7: '#fff',
  line8: '#b48ad6',
  heat1: '#5c4a1f',
  heat2: '#b5651d',
  heat3: '#e8432f',
  heat4: '#ffb3a7',
})}}}`

/** The picture of a chart. ECharts runs without a browser here, and draws SVG. Pure. */
export function draw(chart: Chart): Picture {
  const height =
    chart.kind === 'histogram'
      ? 380
      : 110 + 22 * (chart.kind === 'heat' ? chart.rows.length : chart.bars.length)
  const instance = init(null, null, {renderer: 'svg', ssr: true, width: WIDTH, height})
  try {
    const axes = {
      axisLine: {lineStyle: {color: GRID}},
      axisLabel: {color: TEXT},
      nameTextStyle: {color: TEXT},
    }
    const option = {histogram, heat, bars}[chart.kind](chart as never, axes)
    instance.setOption({animation: false, textStyle: {fontFamily: 'system-ui, sans-serif'}, ...option})
    return {svg: instance.renderToSVGString(), width: WIDTH, height}
  } finally {
    instance.dispose()
  }
}

/** "1", "1000", "1e+6" */
const short = (value: number) =>
  value < 1e4 ? `${Math.round(value)}` : value.toExponential().replace(/(\.\d)\d*/, '$1')

type Of<K extends Chart['kind']> = Extract<Chart, {kind: K}>
type Axes = Readonly<Record<string, object>>

const split = {splitLine: {lineStyle: {color: GRID}}, minorSplitLine: {show: false}}

function histogram({lines, thresholdNs}: Of<'histogram'>, axes: Axes): EChartsCoreOption {
  const decade = (ns: number) => formatNs(ns).replace(/\.0+ /, ' ')
  return {
    legend: {textStyle: {color: TEXT}, top: 0},
    grid: {left: 70, right: 30, top: 40, bottom: 50},
    xAxis: {
      type: 'log',
      name: 'gap',
      min: 1,
      nameLocation: 'middle',
      nameGap: 28,
      ...axes,
      ...split,
      axisLabel: {color: TEXT, formatter: decade},
    },
    yAxis: {
      type: 'log',
      name: 'passes of the loop',
      // A single gap is above the axis, and not on it.
      min: 0.8,
      ...axes,
      ...split,
      max: 'dataMax',
      axisLabel: {color: TEXT, formatter: (value: number) => (value < 1 ? '' : short(value))},
    },
    series: lines.map(({name, base, points}, index) => ({
      type: 'line',
      name: visible(name),
      data: points.flatMap(({bucket, ns, count}, at) => {
        const before = points[at - 1]
        // A line across empty buckets would show samples that nobody saw.
        const apart = before !== undefined && bucket - before.bucket > 1
        return apart
          ? [
              [ns, null],
              [ns, count],
            ]
          : [[ns, count]]
      }),
      connectNulls: false,
      symbol: 'circle',
      symbolSize: 3,
      lineStyle: {
        width: 1.5,
        ...(base ? {type: 'dashed', color: BASE} : {color: LINES[index % LINES.length]}),
      },
      itemStyle: {color: base ? BASE : LINES[index % LINES.length]},
      ...(index > 0
        ? {}
        : {
            markLine: {
              silent: true,
              symbol: 'none',
              data: [{xAxis: thresholdNs}],
              lineStyle: {color: LIMIT, type: 'dotted'},
              label: {color: LIMIT, formatter: `threshold ${formatNs(thresholdNs)}`},
            },
          }),
    })),
  }
}

/** The colours of a heat map begin at these multiples of the threshold. */
const STEPS = [1, 3, 10, 100] as const

function heat({rows, columns, cells, thresholdNs}: Of<'heat'>, axes: Axes): EChartsCoreOption {
  const pieces = [
    {value: -1, label: 'not watched', color: NONE},
    ...STEPS.map((step, index) => {
      const above = STEPS[index + 1]
      return {
        gte: step * thresholdNs,
        ...(above === undefined ? {} : {lt: above * thresholdNs}),
        label: `${formatNs(step * thresholdNs)} and more`,
        color: HEAT[index],
      }
    }),
  ]
  return {
    grid: {left: 70, right: 30, top: 40, bottom: 50},
    xAxis: {
      type: 'category',
      data: columns,
      name: 'time (UTC)',
      nameLocation: 'middle',
      nameGap: 28,
      ...axes,
    },
    yAxis: {type: 'category', data: rows.map(visible), inverse: true, ...axes},
    visualMap: {
      type: 'piecewise',
      pieces,
      orient: 'horizontal',
      itemGap: 24,
      top: 0,
      left: 'center',
      textStyle: {color: TEXT},
    },
    series: [
      {
        type: 'heatmap',
        // What was quiet has no cell: a quiet day is a small page.
        data: cells.flatMap((row, y) =>
          row.flatMap((ns, x) => (ns === null ? [[x, y, -1]] : ns >= thresholdNs ? [[x, y, ns]] : [])),
        ),
      },
    ],
  }
}

function bars({bars}: Of<'bars'>, axes: Axes): EChartsCoreOption {
  return {
    grid: {left: 20, right: 90, top: 10, bottom: 40},
    xAxis: {
      type: 'value',
      name: 'time lost',
      ...axes,
      ...split,
      axisLabel: {color: TEXT, formatter: formatNs},
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: bars.map(({name}) => visible(name)),
      ...axes,
      axisLabel: {color: TEXT, width: 260, overflow: 'truncate'},
    },
    series: [
      {
        type: 'bar',
        data: bars.map(({ns}) => ns),
        itemStyle: {color: LINES[0]},
        label: {
          show: true,
          position: 'right',
          color: TEXT,
          formatter: ({value}: {value: number}) => formatNs(value),
        },
      },
    ],
  }
}
