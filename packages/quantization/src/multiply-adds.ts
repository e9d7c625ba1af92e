export { multiplyAdds } from '@nncf/core';
