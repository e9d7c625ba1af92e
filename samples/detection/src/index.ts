export { detectionLoss, type DetectionLoss } from './ssd/detection-loss.ts';
