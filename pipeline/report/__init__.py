"""One result, many renderings: values of the stages go in, what people and machines read comes out."""
