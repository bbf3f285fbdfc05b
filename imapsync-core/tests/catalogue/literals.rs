//! C. Literals, sizes, memory.
