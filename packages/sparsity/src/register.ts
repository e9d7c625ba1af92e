import { registerExporter } from '@nncf/core';
import { histogramExporter } from './histogram-exporter.ts';

registerExporter(histogramExporter);
