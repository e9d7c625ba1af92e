import { NncfError, validate, type JsonObject } from '@nncf/core';
import { describe, expect, it } from 'vitest';
import { quantizationSchema } from '../src/config-schema.ts';

function errorOf(section: JsonObject): NncfError {
  try {
    validate(quantizationSchema, section, '/compression/0');
  } catch (error) {
    if (error instanceof NncfError) return error;
  }
  throw new Error('the section was accepted');
}

describe('the section', () => {
  it('accepts the configurations of the time of the paper', () => {
    const section: JsonObject = {
      initializer: {
        range: { num_init_steps: 10, type: 'threesigma' },
        batchnorm_adaptation: { num_bn_adaptation_samples: 2048, num_bn_forget_samples: 1024 },
        precision: { type: 'hawq', bits: [4, 8], iter_number: 100, compression_ratio: 1.5, num_data_points: 100, tolerance: 1e-4 },
      },
      weights: { mode: 'symmetric', bits: 8, signed: true, per_channel: true, ignored_scopes: ['{re}head.*'] },
      activations: { mode: 'asymmetric', bits: 4, signed: false, unified_scale_ops: [['a', 'b']], logarithm_scale: true },
      quantize_inputs: true,
      quantizable_subgraph_patterns: [['cat', 'batch_norm'], 'cat'],
      scope_overrides: { weights: { conv1: { bits: 4, initializer: { range: [{ type: 'percentile', params: { min_percentile: 1 } }] } } } },
      export_to_onnx_standard_ops: true,
      params: { activations_quant_start_epoch: 1, weights_quant_start_epoch: 3, base_lr: 0.1, disable_wd_start_epoch: 5 },
      ignored_scopes: 'fc',
    };
    expect(validate(quantizationSchema, section, '/compression/0')).toEqual(section);
  });

  it('accepts ranges by scope', () => {
    const range = [
      { type: 'mean_min_max', num_init_samples: 8, target_scopes: ['{re}conv'], target_quantizer_group: 'activations' },
      { type: 'percentile', params: { max_percentile: 99.99 } },
    ];
    expect(validate(quantizationSchema, { initializer: { range } }, '').initializer?.range).toEqual(range);
  });

  it.each<[JsonObject, string, RegExp]>([
    [{ bitz: 1 }, 'CONFIG_UNKNOWN_KEY', /"bitz" at \/compression\/0\/bitz/u],
    [{ weights: { bit: 4 } }, 'CONFIG_UNKNOWN_KEY', /\/compression\/0\/weights\/bit.*\n.*Did you mean "bits"/u],
    [{ weights: { bits: 0 } }, 'CONFIG_INVALID', /\/compression\/0\/weights\/bits: found 0. at least 2 bits/u],
    [{ activations: { bits: 17 } }, 'CONFIG_INVALID', /\/compression\/0\/activations\/bits: found 17. at most 16 bits/u],
    [{ activations: { bits: 4.5 } }, 'CONFIG_INVALID', /\/activations\/bits: found 4.5. a whole number/u],
    [{ activations: { bits: '8' } }, 'CONFIG_INVALID', /\/activations\/bits: found "8"/u],
    [{ weights: { mode: 'affine' } }, 'CONFIG_INVALID', /\/weights\/mode: found "affine".*\n.*symmetric, asymmetric/u],
    [{ weights: { unified_scale_ops: [['a']] } }, 'CONFIG_UNKNOWN_KEY', /\/weights\/unified_scale_ops/u],
    [{ initializer: { range: { num_init_samples: -1 } } }, 'CONFIG_INVALID', /\/initializer\/range\/num_init_samples: found -1/u],
    [{ initializer: { range: { type: 'moments' } } }, 'CONFIG_INVALID', /\/initializer\/range\/type: found "moments"/u],
    [{ initializer: { precision: { type: 'manual', bitwidth_per_scope: [[9.5, 'a']] } } }, 'CONFIG_INVALID', /bitwidth_per_scope\/0\/0/u],
    [
      { initializer: { precision: { type: 'hawq', budget: 'latency' } } },
      'CONFIG_INVALID',
      /precision\/budget.*\n.*bit_operations, model_size/u,
    ],
    [{ scope_overrides: { activations: { conv1: { bits: 1 } } } }, 'CONFIG_INVALID', /\/scope_overrides\/activations\/conv1\/bits/u],
    [{ preset: 'accuracy' }, 'CONFIG_INVALID', /\/preset.*\n.*performance, mixed/u],
    [{ overflow_fix: true }, 'CONFIG_INVALID', /\/overflow_fix: found true/u],
  ])('refuses %j with its pointer', (section, code, message) => {
    const error = errorOf(section);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });
});
