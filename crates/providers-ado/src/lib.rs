//! Azure DevOps's dialect: requests out, answers in.
