import { NncfError } from '@nncf/core';

const source = 'distillation';

/** Outputs of teacher and student that do not belong together. */
export function shapeMismatch(student: readonly number[], teacher: readonly number[]): NncfError {
  return new NncfError({
    code: 'SHAPE_MISMATCH',
    source,
    message: `The student's outputs or labels have the shape [${student.join(', ')}], the teacher's outputs [${teacher.join(', ')}].`,
    hint: 'Both must answer the same batch with the same classes.',
  });
}

/** A temperature or weight out of range. */
export function optionInvalid(name: string, found: number, allowed: string): NncfError {
  return new NncfError({
    code: 'DISTILLATION_INVALID',
    source,
    message: `The ${name} of the distillation is ${found}; it must be ${allowed}.`,
  });
}

/** Labels for a distance that they cannot say. */
export function labelsUnsupported(): NncfError {
  return new NncfError({
    code: 'DISTILLATION_INVALID',
    source,
    message: 'Labels can say the distance of softmaxes at temperature 1 alone.',
    hint: 'Train in a loop of your own with loss(x, outputs), or leave type and temperature out.',
  });
}

/** A teacher that answers with something else than one tensor. */
export function teacherUnsupported(): NncfError {
  return new NncfError({
    code: 'MODEL_UNSUPPORTED',
    source,
    message: 'The teacher did not answer with one tensor.',
    hint: 'Give a function that picks the output to learn from: (x) => teacher.predict(x)[0].',
  });
}
