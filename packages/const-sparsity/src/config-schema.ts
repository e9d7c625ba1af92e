import { scopingShape } from '@nncf/core';
import { z, type ZodType } from 'zod';
import type { ConstSparsityConfig } from './config.ts';

/** Validates the section. */
export const constSparsitySchema: ZodType<ConstSparsityConfig> = z.strictObject({ ...scopingShape });
